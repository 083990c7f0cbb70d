package ses_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/ses"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
	"github.com/micropay/micropay/testing/moto"
)

// accepted is what moto keeps of a message: the best of its forms only, and no character set.
type accepted struct {
	Source       string              `json:"source"`
	Subject      string              `json:"subject"`
	Body         string              `json:"body"`
	Destinations map[string][]string `json:"destinations"`
}

// sent lists what moto accepted from one sender, oldest first.
func sent(t *testing.T, server *moto.Server, from string) (messages []accepted) {
	t.Helper()
	response, err := http.Get(server.URL + "/moto-api/data.json")
	require.NoError(t, err)
	defer response.Body.Close()
	var data struct {
		SES map[string][]accepted `json:"ses"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&data))
	for _, message := range data.SES["Message"] {
		if strings.Contains(message.Source, from) {
			messages = append(messages, message)
		}
	}
	return messages
}

// onMoto is a mailer whose sender is its own, so that what it sent can be told from the others'.
func onMoto(t *testing.T) (*ses.Mailer, *moto.Server, string) {
	t.Helper()
	server := moto.New(t)
	from := uuid.NewString() + "@pay.example"
	_, err := sesv2.NewFromConfig(server.AWSConfig()).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(from)})
	require.NoError(t, err)
	return ses.New(server.AWSConfig(), ses.Options{From: from, Timeout: time.Minute}), server, from
}

func TestMailer_OnMoto_KeepsTheContract(t *testing.T) {
	t.Parallel()
	_ = moto.New(t)
	authports.Mailer(t, func(t *testing.T) (ports.Mailer, func() []ports.Mail) {
		t.Helper()
		mailer, server, from := onMoto(t)
		texts := &remembering{Mailer: mailer}
		return texts, func() (mails []ports.Mail) {
			for i, message := range sent(t, server, from) {
				require.Equal(t, map[string][]string{"ToAddresses": {message.Destinations["ToAddresses"][0]}}, message.Destinations)
				to, err := domain.ParseEmail(message.Destinations["ToAddresses"][0])
				require.NoError(t, err)
				m := ports.Mail{To: to, Subject: message.Subject, Text: message.Body}
				if texts.accepted[i].HTML != "" { // moto dropped the text
					m.Text, m.HTML = texts.accepted[i].Text, message.Body
				}
				mails = append(mails, m)
			}
			return mails
		}
	})
}

// remembering keeps what was sent, for the form that moto drops.
type remembering struct {
	ports.Mailer
	accepted []ports.Mail
}

func (r *remembering) Send(ctx context.Context, m ports.Mail) error {
	err := r.Mailer.Send(ctx, m)
	if err == nil {
		r.accepted = append(r.accepted, m)
	}
	return err
}

func TestSend_OnMoto_AStrangerAsSenderIsRefusedForEver(t *testing.T) {
	t.Parallel()
	server := moto.New(t)
	from := uuid.NewString() + "@stranger.example"
	err := ses.New(server.AWSConfig(), ses.Options{From: from, Timeout: time.Minute}).Send(t.Context(), mail(t))
	require.ErrorIs(t, err, ports.ErrUndeliverable)
	require.ErrorContains(t, err, "MessageRejected")
	require.Empty(t, sent(t, server, from))
}
