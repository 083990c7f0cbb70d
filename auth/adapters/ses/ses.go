// Package ses sends mail with Amazon SES (API v2, SendEmail, https://docs.aws.amazon.com/ses).
//
// A message goes to exactly one recipient. Its subject and bodies are handed over as data ("Simple"
// content), from which SES builds the mail, so nothing in them can add a header. What a failed call
// means stands in errors.go; what is heard of a mail after it was accepted, in feedback.go.
package ses

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/micropay/micropay/auth/ports"
)

// Options say how mail is sent.
type Options struct {
	From             string        // a verified identity: an address, or "Name <address>"
	ConfigurationSet string        // optional
	Timeout          time.Duration // of one message, with all attempts
}

// configurationSet is what SES lets one be called (API v2, CreateConfigurationSet).
var configurationSet = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckSender refuses what SES could not send from: one that cannot be a sender must not come to
// light as the fault of each mail.
func CheckSender(from string) error {
	if _, err := mail.ParseAddress(from); err != nil || strings.ContainsFunc(from, unicode.IsControl) {
		return errors.New("must be an address, or a name and <address>")
	}
	return nil
}

// CheckConfigurationSet refuses what no configuration set is called; none is right too.
func CheckConfigurationSet(name string) error {
	if name != "" && !configurationSet.MatchString(name) {
		return errors.New("must be 1 to 64 letters, digits, _ and -")
	}
	return nil
}

// Mailer is a ports.Mailer.
type Mailer struct {
	// One call, not the client: all of its hundred calls are in every program that can get at the type.
	send func(context.Context, *sesv2.SendEmailInput, ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
	opts Options
	from string
}

// New makes a mailer; the options have passed CheckSender and CheckConfigurationSet. Calls are tried again as cfg says, by default up to three
// times by the SDK's standard retryer: what is throttled, broken (5xx) or unanswered.
func New(cfg aws.Config, o Options) *Mailer {
	from := o.From
	if address, err := mail.ParseAddress(from); err == nil {
		from = address.String() // whose name is encoded as SES asks for it (RFC 2047)
	}
	return &Mailer{send: sesv2.NewFromConfig(cfg).SendEmail, opts: o, from: from}
}

// Send hands a message to SES; nil: SES took it and will try to deliver it. If an answer is lost,
// the message is sent again and may arrive twice.
func (m *Mailer) Send(ctx context.Context, message ports.Mail) error {
	if message.To.IsZero() || strings.ContainsFunc(message.Subject, unicode.IsControl) {
		return fmt.Errorf("ses: it needs an address, and a subject of one line: %w", ports.ErrUndeliverable)
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.Timeout)
	defer cancel()
	_, err := m.send(ctx, m.request(message))
	return judge(err)
}

func (m *Mailer) request(message ports.Mail) *sesv2.SendEmailInput {
	utf8 := func(text string) *types.Content {
		return &types.Content{Data: aws.String(text), Charset: aws.String("UTF-8")}
	}
	body := &types.Body{Text: utf8(message.Text)}
	if message.HTML != "" {
		body.Html = utf8(message.HTML)
	}
	request := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(m.from),
		Destination:      &types.Destination{ToAddresses: []string{message.To.String()}},
		Content:          &types.EmailContent{Simple: &types.Message{Subject: utf8(message.Subject), Body: body}},
	}
	if m.opts.ConfigurationSet != "" {
		request.ConfigurationSetName = aws.String(m.opts.ConfigurationSet)
	}
	return request
}
