package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

var (
	this  = ports.Occurrence{ID: "e1", Type: "x"}
	lunch = app.Transfer{ID: "t1", Kind: "transfer", Amount: money.Money{Amount: 1050, Currency: "USD"}, From: "u1", To: "u2", Note: "lunch", At: noon}
)

func TestTransferPosted_PromisesBothSidesALetter(t *testing.T) {
	b := setup(t)
	toPayer := ports.Details{Amount: lunch.Amount, OtherID: "u2", Note: "lunch", Reference: "t1", At: noon}
	toPayee := toPayer
	toPayee.OtherID = "u1"
	b.letterBox.EXPECT().Promise(gomock.Any(), this,
		ports.Promise{UserID: "u1", Kind: ports.LetterMoneySent, Details: toPayer},
		ports.Promise{UserID: "u2", Kind: ports.LetterMoneyReceived, Details: toPayee},
	).Return(nil)
	require.NoError(t, b.app.TransferPosted(t.Context(), this, lunch))

	b.letterBox.EXPECT().Promise(gomock.Any(), this, gomock.Any()).Return(errBoom)
	require.ErrorIs(t, b.app.TransferPosted(t.Context(), this, lunch), errBoom)
}

func TestTransferPosted_BetweenOwnWalletsOrWithTheOutside_PromisesNothing(t *testing.T) {
	b := setup(t)
	own, in, out := lunch, lunch, lunch
	own.To, in.From, out.To = own.From, "", ""
	for _, transfer := range []app.Transfer{own, in, out} {
		require.NoError(t, b.app.TransferPosted(t.Context(), this, transfer))
	}
}

func TestPaymentSettled_TellsWhatMoved(t *testing.T) {
	b := setup(t)
	for kind, letter := range map[string]ports.LetterKind{
		"topup": ports.LetterMoneyReceived, "refund": ports.LetterMoneySent, "withdrawal": ports.LetterMoneySent,
	} {
		p := app.Payment{ID: "p1", Kind: kind, Succeeded: true, Amount: lunch.Amount, UserID: "u1", Provider: "stripe", At: noon}
		b.letterBox.EXPECT().Promise(gomock.Any(), this, ports.Promise{UserID: "u1", Kind: letter, Details: ports.Details{
			Amount: lunch.Amount, Other: "stripe", Reference: "p1", At: noon,
		}}).Return(nil)
		require.NoError(t, b.app.PaymentSettled(t.Context(), this, p))
		p.Succeeded = false
		require.NoError(t, b.app.PaymentSettled(t.Context(), this, p), "nothing moved")
	}
}

func TestUserVerified_IsWelcomed(t *testing.T) {
	b := setup(t)
	b.letterBox.EXPECT().Promise(gomock.Any(), this, ports.Promise{UserID: "u1", Kind: ports.LetterWelcome}).Return(nil)
	require.NoError(t, b.app.UserVerified(t.Context(), this, "u1"))
}

func proven(t *testing.T) domain.User {
	u := ann(t)
	u.EmailVerified = true
	return u
}

func promised(attempts int) ports.Promised {
	return ports.Promised{ID: 7, EventID: "e1", Attempts: attempts, Promise: ports.Promise{UserID: "u1", Kind: ports.LetterMoneySent, Details: ports.Details{
		Amount: lunch.Amount, OtherID: "u2", Note: "lunch", Reference: "t1", At: noon,
	}}}
}

// due has one letter be due, and then none.
func (b bundle) due(p ports.Promised) {
	gomock.InOrder(
		b.letterBox.EXPECT().Claim(gomock.Any(), noon, time.Minute).Return(p, true, nil),
		b.letterBox.EXPECT().Claim(gomock.Any(), noon, time.Minute).Return(ports.Promised{}, false, nil),
	)
}

func TestSendLetters_LooksUpWhoTheyAreAndWhatTheySpeak(t *testing.T) {
	b := setup(t)
	reader, other := ann(t), ann(t)
	reader.Locale, reader.EmailVerified, other.Name = domain.Spanish, true, name(t, "Bob")
	mail := ports.Mail{To: reader.Email, Subject: "s", Text: "t"}
	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(reader, nil)
	b.users.EXPECT().ByID(gomock.Any(), "u2").Return(other, nil)
	b.letters.EXPECT().Write(ports.Letter{
		Kind: ports.LetterMoneySent, To: reader.Email, Name: reader.Name, Locale: domain.Spanish,
		Amount: lunch.Amount, Other: "Bob", Note: "lunch", Reference: "t1", At: noon,
	}).Return(mail, nil)
	b.mailer.EXPECT().Send(gomock.Any(), mail).Return(nil)
	b.letterBox.EXPECT().Done(gomock.Any(), promised(1), nil).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()))
}

// Anybody can register somebody else's address: what they choose must not come to be mailed there.
func TestSendLetters_ToAnAddressThatIsNotProven_HoldNothingThatAnybodyChose(t *testing.T) {
	b := setup(t)
	p := promised(1)
	b.due(p)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	b.users.EXPECT().ByID(gomock.Any(), "u2").Return(ann(t), nil).AnyTimes()
	b.letters.EXPECT().Write(ports.Letter{
		Kind: ports.LetterMoneySent, To: ann(t).Email, Locale: domain.English, Amount: lunch.Amount, Reference: "t1", At: noon,
	}).Return(ports.Mail{}, nil)
	b.mailer.EXPECT().Send(gomock.Any(), gomock.Any()).Return(nil)
	b.letterBox.EXPECT().Done(gomock.Any(), p, nil).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()))
}

func TestMailRefused_StopsTheLettersToThoseAddresses(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().StopMail(gomock.Any(), email(t, "ann@example.com")).Return(nil)
	require.NoError(t, b.app.MailRefused(t.Context(), []string{"no address", "Ann@Example.com"}))
	b.users.EXPECT().StopMail(gomock.Any(), gomock.Any()).Return(errBoom)
	require.ErrorIs(t, b.app.MailRefused(t.Context(), []string{"ann@example.com"}), errBoom)

	stopped := proven(t)
	stopped.MailStopped = true
	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(stopped, nil)
	b.letterBox.EXPECT().Done(gomock.Any(), promised(1), nil).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()), "nothing is sent")
}

func TestSendLetters_WhoLeft(t *testing.T) {
	b := setup(t)
	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	b.letterBox.EXPECT().Done(gomock.Any(), promised(1), nil).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()), "nobody is written to")

	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(proven(t), nil)
	b.users.EXPECT().ByID(gomock.Any(), "u2").Return(domain.User{}, domain.ErrUserUnknown)
	b.letters.EXPECT().Write(gomock.Cond(func(l ports.Letter) bool { return l.Other == "" })).Return(ports.Mail{}, nil)
	b.mailer.EXPECT().Send(gomock.Any(), gomock.Any()).Return(nil)
	b.letterBox.EXPECT().Done(gomock.Any(), promised(1), nil).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()), "who left has no name")
}

func TestSendLetters_TriesAgainLater_UntilItGivesUp(t *testing.T) {
	b := setup(t)
	attempt := func(p ports.Promised, err error) {
		b.due(p)
		b.users.EXPECT().ByID(gomock.Any(), gomock.Any()).Return(proven(t), nil).Times(2)
		b.letters.EXPECT().Write(gomock.Any()).Return(ports.Mail{}, nil)
		b.mailer.EXPECT().Send(gomock.Any(), gomock.Any()).Return(err)
	}
	for attempts, gap := range map[int]time.Duration{1: 2 * time.Second, 3: 8 * time.Second, 19: time.Hour} {
		attempt(promised(attempts), ports.ErrUnavailable)
		b.letterBox.EXPECT().Delay(gomock.Any(), promised(attempts), noon.Add(gap), gomock.Any()).Return(nil)
		require.NoError(t, b.app.SendLetters(t.Context()))
	}
	for attempts, why := range map[int]error{20: ports.ErrUnavailable, 1: ports.ErrUndeliverable} {
		attempt(promised(attempts), why)
		b.letterBox.EXPECT().Done(gomock.Any(), promised(attempts), why).Return(nil)
		require.NoError(t, b.app.SendLetters(t.Context()))
	}
}

func TestSendLetters_WhatCannotBeWrittenIsGivenUp_WhatCannotBeReadWaits(t *testing.T) {
	b := setup(t)
	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), gomock.Any()).Return(proven(t), nil).Times(2)
	b.letters.EXPECT().Write(gomock.Any()).Return(ports.Mail{}, errBoom)
	b.letterBox.EXPECT().Done(gomock.Any(), promised(1), gomock.Cond(func(err error) bool { return errors.Is(err, errBoom) })).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()))

	b.due(promised(1))
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(proven(t), nil)
	b.users.EXPECT().ByID(gomock.Any(), "u2").Return(domain.User{}, errBoom)
	b.letterBox.EXPECT().Delay(gomock.Any(), promised(1), gomock.Any(), errBoom).Return(nil)
	require.NoError(t, b.app.SendLetters(t.Context()))

	b.letterBox.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return(ports.Promised{}, false, errBoom)
	require.ErrorIs(t, b.app.SendLetters(t.Context()), errBoom)
	b.letterBox.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return(promised(1), true, nil)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	b.letterBox.EXPECT().Done(gomock.Any(), gomock.Any(), gomock.Any()).Return(errBoom)
	require.ErrorIs(t, b.app.SendLetters(t.Context()), errBoom)
}
