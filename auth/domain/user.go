package domain

import "time"

// A User is somebody with an account. ID is the "sub" of their tokens and never changes.
type User struct {
	ID            string
	Email         Email
	Name          Name
	Locale        Locale // that they are written to in
	EmailVerified bool
	CreatedAt     time.Time
}
