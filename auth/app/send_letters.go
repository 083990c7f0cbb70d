package app

import (
	"context"
	"errors"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

const (
	letterLease      = time.Minute // then a letter whose sender died is due again
	letterAttempts   = 20          // then it is given up
	longestLetterGap = time.Hour
)

// SendLetters writes and sends all promised letters that are due. One is sent at least once: who
// dies between sending it and noting so leaves it due.
func (a *App) SendLetters(ctx context.Context) error {
	for {
		p, due, err := a.LetterBox.Claim(ctx, a.Now(), letterLease)
		if err != nil || !due {
			return err
		}
		err = a.send(ctx, p)
		// What was sent is noted also when the process is being stopped.
		if err = a.settle(context.WithoutCancel(ctx), p, err); err != nil {
			return err
		}
	}
}

// settle notes what became of a letter.
func (a *App) settle(ctx context.Context, p ports.Promised, why error) error {
	switch {
	case why == nil, errors.Is(why, domain.ErrUserUnknown): // they left: there is nobody to write to
		return a.LetterBox.Done(ctx, p, nil)
	case errors.Is(why, ports.ErrUndeliverable), p.Attempts >= letterAttempts:
		return a.LetterBox.Done(ctx, p, why)
	}
	gap := min(time.Second<<min(p.Attempts, 12), longestLetterGap)
	return a.LetterBox.Delay(ctx, p, a.Now().Add(gap), why)
}

func (a *App) send(ctx context.Context, p ports.Promised) error {
	reader, err := a.Users.ByID(ctx, p.UserID)
	if err != nil || reader.MailStopped {
		return err
	}
	letter := ports.Letter{
		Kind: p.Kind, To: reader.Email, Locale: reader.Locale,
		Amount: p.Details.Amount, Other: p.Details.Other, Reference: p.Details.Reference, At: p.Details.At,
	}
	// Anybody can register another's address; what they choose, and what is written to them, is not
	// mailed there before it is proven to be theirs.
	if reader.EmailVerified {
		letter.Name, letter.Note = reader.Name, p.Details.Note
		if err := a.nameOther(ctx, &letter, p.Details.OtherID); err != nil {
			return err
		}
	}
	mail, err := a.Letters.Write(letter)
	if err != nil {
		return errors.Join(ports.ErrUndeliverable, err) // it will not be written better the next time
	}
	return a.Mailer.Send(ctx, mail)
}

// nameOther names the other person, unless they left: they have no name any more.
func (a *App) nameOther(ctx context.Context, l *ports.Letter, id string) error {
	if id == "" {
		return nil
	}
	other, err := a.Users.ByID(ctx, id)
	if errors.Is(err, domain.ErrUserUnknown) {
		return nil
	}
	l.Other = other.Name.String()
	return err
}

// MailRefused stops the letters to addresses that bounced, or whose readers complained. Mail that
// somebody asks for, a code, still goes there.
func (a *App) MailRefused(ctx context.Context, rawEmails []string) error {
	for _, raw := range rawEmails {
		email, err := a.parseEmail(raw)
		if err != nil {
			continue // nobody can have registered it
		}
		if err := a.Users.StopMail(ctx, email); err != nil {
			return err
		}
	}
	return nil
}
