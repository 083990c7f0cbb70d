package mailfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/mailfile"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
)

func mailbox(t *testing.T) (*mailfile.Mailbox, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mail")
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	return mailfile.New(dir, func() time.Time { now = now.Add(time.Second); return now }), dir
}

func to(t *testing.T, raw string) domain.Email {
	t.Helper()
	e, err := domain.ParseEmail(raw)
	require.NoError(t, err)
	return e
}

func TestMailbox_GivesBackWhatWasSentNewestFirst(t *testing.T) {
	t.Parallel()
	box, dir := mailbox(t)
	letters, err := box.List("", 10)
	require.NoError(t, err)
	require.Empty(t, letters, "a mailbox nobody wrote to is empty")
	text := "<script> {{.Secret}} ünï\u202e\n\nBcc: not a header\n.\n"
	require.NoError(t, box.Send(t.Context(), ports.Mail{To: to(t, "ann@example.com"), Subject: "Grüße", Text: text}))
	require.NoError(t, box.Send(t.Context(), ports.Mail{To: to(t, "bob@example.com"), Subject: "Hello", Text: "x"}))
	letters, err = box.List("", 10)
	require.NoError(t, err)
	require.Len(t, letters, 2)
	require.Equal(t, "bob@example.com", letters[0].To)
	require.Equal(t, "Grüße", letters[1].Subject)
	require.Equal(t, text, letters[1].Text)
	only, err := box.List("Ann@example.com", 10)
	require.NoError(t, err)
	require.Equal(t, letters[1:], only)
	one, err := box.List("", 1)
	require.NoError(t, err)
	require.Equal(t, letters[:1], one)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "codes are for nobody else to read")
}

func TestMailbox_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Mailer(t, func(t *testing.T) (ports.Mailer, func() []ports.Mail) {
		t.Helper()
		box, _ := mailbox(t)
		return box, func() (mails []ports.Mail) {
			letters, err := box.List("", 10)
			require.NoError(t, err)
			for _, l := range letters {
				mails = append(mails, ports.Mail{To: to(t, l.To), Subject: l.Subject, Text: l.Text, HTML: l.HTML})
			}
			return mails
		}
	})
}

func TestMailbox_InBothForms_IsMultipartThatAnyMailReaderKnows(t *testing.T) {
	t.Parallel()
	box, dir := mailbox(t)
	sent := ports.Mail{To: to(t, "ann@example.com"), Subject: "Hello", Text: "plain\n", HTML: "<p>" + strings.Repeat("ñ", 2000) + "</p>\n"}
	require.NoError(t, box.Send(t.Context(), sent))
	letters, err := box.List("", 10)
	require.NoError(t, err)
	require.Equal(t, sent.Text, letters[0].Text)
	require.Equal(t, sent.HTML, letters[0].HTML)
	raw, err := os.ReadFile(filepath.Join(dir, letters[0].ID+".eml"))
	require.NoError(t, err)
	require.Contains(t, string(raw), "Content-Type: multipart/alternative; boundary=")
	plain, rich := strings.Index(string(raw), "text/plain"), strings.Index(string(raw), "text/html")
	require.Less(t, plain, rich, "the best form comes last (RFC 2046, 5.1.4)")
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		require.LessOrEqual(t, len(line), 998, "RFC 5322, 2.1.1")
	}
}

func TestMailbox_TellsWhenItCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	box := mailfile.New(filepath.Join(file, "mail"), time.Now)
	require.Error(t, box.Send(t.Context(), ports.Mail{To: to(t, "ann@example.com")}))
	_, err := box.List("", 10)
	require.Error(t, err)
	junk, dir := mailbox(t)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "junk.eml"), []byte(strings.Repeat("junk", 9)), 0o600))
	_, err = junk.List("", 10)
	require.Error(t, err)
}

func TestMailbox_TellsWhenALetterCannotBeRead(t *testing.T) {
	t.Parallel()
	box, dir := mailbox(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "folder.eml"), 0o700))
	_, err := box.List("", 10)
	require.Error(t, err)
	box, dir = mailbox(t)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "gone.eml")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "note.txt"), nil, 0o600))
	_, err = box.List("", 10)
	require.Error(t, err)
	box, dir = mailbox(t)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.eml"), []byte("Subject: =?x-nonsense?Q?a?=\r\n\r\n"), 0o600))
	_, err = box.List("", 10)
	require.Error(t, err)
}
