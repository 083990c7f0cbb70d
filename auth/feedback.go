package auth

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/auth/adapters/ses"
	"github.com/micropay/micropay/shared/awsconfig"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/awsevents"
)

// mailFeedback consumes what SES tells of mail after it took it; nil without a queue for that.
func (s *Service) mailFeedback(ctx context.Context, deps Deps) (*events.Consumer, error) {
	cfg := s.cfg
	if cfg.SESFeedbackQueueURL == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	settings, err := awsconfig.Load(ctx, deps.AWS, cfg.AWSRegion)
	if err != nil {
		return nil, err
	}
	return &events.Consumer{
		Name: "mail feedback", Queue: awsevents.NewQueue(settings, cfg.SESFeedbackQueueURL, cfg.Events.Visibility, cfg.Events.Wait),
		Parse: feedback, Workers: 1, Visibility: cfg.Events.Visibility, FirstRetry: cfg.Events.FirstRetry, Log: deps.Log,
		Registry: prometheus.WrapRegistererWithPrefix("mail_feedback_", deps.Registry),
		Handle: func(ctx context.Context, e events.Event) error {
			var f ses.Feedback
			if err := e.Decode(&f); err != nil {
				return err
			}
			if f.Kind != ses.NoFeedback {
				deps.Log.InfoContext(ctx, "letters stop", "why", f.Kind, "feedback", f.ID, "mail", f.MessageID)
			}
			return s.app.MailRefused(ctx, f.Addresses)
		},
	}, nil
}

// feedback reads a record of SES as the event that it is. To stop twice is to stop once: no inbox.
func feedback(body []byte) (events.Event, error) {
	f, err := ses.ParseFeedback(body)
	if err != nil {
		return events.Event{}, fmt.Errorf("%w: %w", events.ErrMalformed, err)
	}
	data, err := json.Marshal(f)
	return events.Event{ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(f.ID+f.MessageID)).String(), Type: "ses." + string(f.Kind), Time: f.At, Data: data}, err
}
