package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/awsconfig"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/transaction"
)

func (c command) events() *cobra.Command {
	var at beside
	cmd := &cobra.Command{Use: "events", Short: "see what was told, and bring dead letters back"}
	at.flags(cmd)
	cmd.AddCommand(c.eventsTail(&at), c.eventsRedrive(&at), c.eventsStatus(&at))
	return cmd
}

func (c command) eventsRedrive(at *beside) *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "redrive auth|transaction", Short: "put a service's dead letters back into its queue", Args: cobra.ExactArgs(1),
		Long:      "Find out first why they could not be handled: the service's log says so for each.\nWhat was handled before is known by its id and does nothing.",
		ValidArgs: []string{auth.Schema, transaction.Schema},
		RunE: func(cmd *cobra.Command, args []string) error {
			if most < 1 {
				return errors.New("--most: must be at least 1")
			}
			return c.withQueues(cmd.Context(), *at, func(ctx context.Context, queues []queue) error {
				for _, q := range queues {
					if q.service == args[0] {
						return c.redrive(ctx, q, most)
					}
				}
				return fmt.Errorf("%q is none of %s, %s", args[0], auth.Schema, transaction.Schema)
			})
		},
	}
	cmd.Flags().IntVar(&most, "most", 1000, "put so many back at most")
	return cmd
}

// redriveAtOnce is how many are put back between two words to a watching person.
const redriveAtOnce = 10

func (c command) redrive(ctx context.Context, q queue, most int) error {
	seen, finish := c.progress("putting back")
	defer finish()
	total := 0
	for total < most {
		n, err := q.dead.Redrive(ctx, min(redriveAtOnce, most-total))
		if total += n; err != nil {
			return fmt.Errorf("after %d: %w", total, err)
		}
		if n == 0 {
			break
		}
		seen(total)
	}
	left, err := q.dead.Dead(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: %d put back, %d left\n", q.service, total, left)
	return err
}

// standing is how the events of a service stand.
type standing struct {
	Service     string  `json:"service"`
	Unpublished int     `json:"unpublished"`
	Oldest      float64 `json:"oldest_unpublished_seconds"`
	DeadLetters int     `json:"dead_letters"`
}

func (c command) eventsStatus(at *beside) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "tell what waits to be published, and how many dead letters there are", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withQueues(cmd.Context(), *at, func(ctx context.Context, queues []queue) error {
				var found []standing
				for _, q := range queues {
					unpublished, oldest, err := outbox.Backlog(ctx, q.db)
					if err != nil {
						return err
					}
					dead, err := q.dead.Dead(ctx)
					if err != nil {
						return err
					}
					found = append(found, standing{q.service, unpublished, oldest, dead})
				}
				return c.tellStandings(found, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write it as JSON")
	return cmd
}

func (c command) tellStandings(found []standing, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.out).Encode(found)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SERVICE\tUNPUBLISHED\tOLDEST\tDEAD LETTERS")
	for _, s := range found {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.0f s\t%d\n", s.Service, s.Unpublished, s.Oldest, s.DeadLetters)
	}
	return w.Flush()
}

// queue is that of a service, with the service's tables in sight.
type queue struct {
	service string
	db      *sqlx.DB
	dead    events.DeadLetters
}

// withQueues opens both services' queues for a while.
func (c command) withQueues(ctx context.Context, at beside, use func(context.Context, []queue) error) (err error) {
	set, d, err := c.borrow(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop(context.WithoutCancel(ctx))) }()
	var queues []queue
	for _, s := range []struct {
		name, url, region string
		config            transport.Config
	}{
		{auth.Schema, set.Auth.QueueURL, set.Auth.AWSRegion, set.Auth.Events},
		{transaction.Schema, set.Transaction.QueueURL, set.Transaction.AWSRegion, set.Transaction.Events},
	} {
		db, err := openSchema(ctx, d.DSN, s.name)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		dead, err := transport.DeadLetters(ctx, s.config, transport.Service{
			Name: s.name, QueueURL: s.url, DB: db,
			AWS: func(ctx context.Context) (aws.Config, error) { return awsconfig.Load(ctx, nil, s.region) },
		})
		if err != nil {
			return err
		}
		queues = append(queues, queue{s.name, db, dead})
	}
	return use(ctx, queues)
}

func openSchema(ctx context.Context, dsn, schema string) (*sqlx.DB, error) {
	return database.Open(ctx, database.Config{DSN: dsn, ApplicationName: "micropay events", SearchPath: schema, MaxOpen: 1})
}
