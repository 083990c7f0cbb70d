package domain

import "time"

// A User is somebody with an account. ID is the "sub" of their tokens and never changes.
type User struct {
	ID            string
	Email         Email
	Name          Name
	Locale        Locale // that they are written to in
	EmailVerified bool
	MailStopped   bool // the address bounced, or its reader complained: no more letters that nobody asked for
	CreatedAt     time.Time
}
