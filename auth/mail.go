package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micropay/micropay/auth/adapters/mailfile"
	"github.com/micropay/micropay/auth/adapters/ses"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/awsconfig"
)

// longestMailTimeout ends a message well within the minute after which another worker takes it.
const longestMailTimeout = 30 * time.Second

// post is the mail system that was chosen.
type post struct {
	ports.Mailer
	list func(to string, limit int) (any, error) // shows the mail of a local mode that keeps it; else nil
}

// mail makes the mailer: SES where SES_FROM is given, else files. It calls nobody yet.
func (c Config) mail(ctx context.Context, deps Deps) (post, error) {
	if c.SESFrom == "" {
		deps.Log.InfoContext(ctx, "mailer chosen", "mailer", "files", "folder", c.MailDir)
		box := mailfile.New(c.MailDir, deps.Now)
		if !c.Local {
			return post{Mailer: box}, nil
		}
		return post{box, func(to string, limit int) (any, error) { return box.List(to, limit) }}, nil
	}
	aws, err := awsconfig.Load(ctx, deps.AWS, c.AWSRegion)
	if err != nil {
		return post{}, err
	}
	deps.Log.InfoContext(ctx, "mailer chosen", "mailer", "ses", "from", c.SESFrom, "region", c.AWSRegion, "configuration_set", c.SESConfigurationSet)
	return post{Mailer: ses.New(aws, ses.Options{From: c.SESFrom, ConfigurationSet: c.SESConfigurationSet, Timeout: c.MailTimeout})}, nil
}

// mailMistakes is what Validate reports of mail.
func (c Config) mailMistakes() (errs []error) {
	mistake := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	mistake(c.SESFrom == "" && c.MailDir == "", "MAIL_DIR: is required outside local mode, unless SES_FROM is given")
	mistake(c.SESFrom == "" && c.SESConfigurationSet != "", "SES_CONFIGURATION_SET: is of no use without SES_FROM")
	mistake(c.SESFeedbackQueueURL != "" && !isWebAddress(c.SESFeedbackQueueURL), "SES_FEEDBACK_QUEUE_URL: must be the http(s) address of a queue")
	mistake(c.SESFrom != "" && c.AWSRegion == "", "AWS_REGION: is required with SES_FROM")
	if err := ses.CheckSender(c.SESFrom); err != nil && c.SESFrom != "" {
		errs = append(errs, fmt.Errorf("SES_FROM: %w", err))
	}
	if err := ses.CheckConfigurationSet(c.SESConfigurationSet); err != nil {
		errs = append(errs, fmt.Errorf("SES_CONFIGURATION_SET: %w", err))
	}
	mistake(c.MailTimeout <= 0 || c.MailTimeout > longestMailTimeout, "MAIL_TIMEOUT: must be longer than 0, and at most "+longestMailTimeout.String())
	mistake(c.MailEvery <= 0, "MAIL_POLL: must be longer than 0")
	mistake(c.VerifyCodeTTL < time.Second || c.ResetCodeTTL < time.Second, "VERIFY_CODE_TTL and RESET_CODE_TTL: must be at least 1s")
	mistake(c.MailsPerHour < 1, "MAILS_PER_HOUR: must be at least 1")
	return errs
}
