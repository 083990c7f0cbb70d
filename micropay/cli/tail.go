package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/micropay/micropay/shared/events"
)

// tail is what the command was asked for.
type tail struct {
	follow, json bool
	kind         string // prefix of the types
	since        time.Duration
	seen         map[string]bool
}

const (
	tailEvery = 500 * time.Millisecond
	// tailAgain is read again each time: an event of a transaction that took long becomes visible late.
	tailAgain = time.Minute
	tailMost  = 10_000 // events of a service read at once
)

func (c command) eventsTail(at *beside) *cobra.Command {
	asked := tail{seen: map[string]bool{}}
	cmd := &cobra.Command{
		Use: "tail", Short: "tell the events of the last hour, and go on with --follow", Args: cobra.NoArgs,
		Long: "Reads the outboxes of both services: what was told, and whether it has been published.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withQueues(cmd.Context(), *at, func(ctx context.Context, queues []queue) error {
				for from := time.Now().Add(-asked.since); ; from = time.Now().Add(-tailAgain) {
					if err := c.tellEvents(ctx, queues, from, &asked); err != nil || !asked.follow {
						return ignoreStop(ctx, err)
					}
					select {
					case <-ctx.Done():
						return nil
					case <-time.After(tailEvery):
					}
				}
			})
		},
	}
	cmd.Flags().BoolVarP(&asked.follow, "follow", "f", false, "go on until stopped")
	cmd.Flags().BoolVar(&asked.json, "json", false, "write each as a CloudEvent in JSON, one a line")
	cmd.Flags().StringVar(&asked.kind, "type", "", "only types that begin so, e.g. micropay.transfer")
	cmd.Flags().DurationVar(&asked.since, "since", time.Hour, "how far back to begin")
	return cmd
}

// ignoreStop lets pass what fails because the command is being stopped.
func ignoreStop(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

// written is an event in an outbox.
type written struct {
	ID          string          `db:"id"`
	Type        string          `db:"type"`
	Subject     string          `db:"subject"`
	Sequence    int64           `db:"sequence"`
	Key         string          `db:"key"`
	Payload     json.RawMessage `db:"payload"`
	OccurredAt  time.Time       `db:"occurred_at"`
	PublishedAt *time.Time      `db:"published_at"`
	service     string
}

const writtenSQL = `SELECT id, type, subject, sequence, key, payload, occurred_at, published_at FROM outbox
	WHERE occurred_at >= $1 AND starts_with(type, $2) ORDER BY seq DESC LIMIT $3`

func (c command) tellEvents(ctx context.Context, queues []queue, from time.Time, asked *tail) error {
	var found []written
	for _, q := range queues {
		rows, err := readWritten(ctx, q.db, from, asked.kind)
		if err != nil {
			return fmt.Errorf("read the outbox of %s: %w", q.service, err)
		}
		for _, w := range rows {
			w.service = q.service
			found = append(found, w)
		}
	}
	slices.SortStableFunc(found, func(a, b written) int { return a.OccurredAt.Compare(b.OccurredAt) })
	for _, w := range found {
		if asked.seen[w.ID] {
			continue
		}
		asked.seen[w.ID] = asked.follow
		if err := c.tellEvent(w, asked.json); err != nil {
			return err
		}
	}
	return nil
}

func readWritten(ctx context.Context, db *sqlx.DB, from time.Time, kind string) (rows []written, err error) {
	err = db.SelectContext(ctx, &rows, writtenSQL, from, kind, tailMost)
	slices.Reverse(rows)
	return rows, err
}

func (c command) tellEvent(w written, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.out).Encode(events.Event{
			ID: w.ID, Type: w.Type, Source: "/micropay/" + w.service, Subject: w.Subject, Sequence: w.Sequence, Key: w.Key, Time: w.OccurredAt, Data: w.Payload,
		})
	}
	published := "waits"
	if w.PublishedAt != nil {
		published = "published after " + w.PublishedAt.Sub(w.OccurredAt).Round(time.Millisecond).String()
	}
	_, err := fmt.Fprintf(c.out, "%s  %-32s  %s  %s\n", w.OccurredAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		w.Type, w.Subject, published)
	return err
}
