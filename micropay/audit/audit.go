// Package audit walks a whole ledger and says whether it keeps its rules: money is neither made
// nor lost, each balance is what its entries say, and what is written beside a transfer (payment,
// hold, dispute, event, idempotency key) agrees with it.
//
// Everything is read from one snapshot, in pages, so the platform may go on working meanwhile.
package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// Options change how Run goes about it; the zero value is right for a running platform.
type Options struct {
	PageSize   int                     // rows read at a time; default 5000
	Progress   func(done, total int64) // told about the rows walked so far
	OutboxKeep time.Duration           // published events are kept this long; default 720h
	// Idle says that no platform is running on the database: events may then wait for one.
	Idle bool
}

// Report is what was found.
type Report struct {
	SnapshotAt time.Time `json:"snapshot_at" db:"at"`
	Accounts   int64     `json:"accounts" db:"accounts"`
	Transfers  int64     `json:"transfers" db:"transfers"`
	Entries    int64     `json:"entries" db:"entries"`
	Payments   int64     `json:"payments" db:"payments"`
	Holds      int64     `json:"holds" db:"holds"`
	Events     int64     `json:"events" db:"events"`
	Keys       int64     `json:"idempotency_keys" db:"keys"`
	Checks     []*Check  `json:"checks" db:"-"`
}

// Violations is how often a rule is broken, all rules together.
func (r *Report) Violations() int64 {
	var n int64
	for _, c := range r.Checks {
		n += c.Violations
	}
	return n
}

// maxExamples of one check's violations are described; all are counted.
const maxExamples = 10

// Check is one rule, and how often it was looked at and found broken.
type Check struct {
	Name       string   `json:"name"`
	Rule       string   `json:"rule"`
	Examined   int64    `json:"examined"`
	Violations int64    `json:"violations"`
	Examples   []string `json:"examples,omitempty"`
	Skipped    string   `json:"skipped,omitempty"` // why it was not looked at
}

// holds counts a look at the rule; when it is broken, detail says where.
func (c *Check) holds(ok bool, detail func() string) {
	c.Examined++
	if ok {
		return
	}
	c.Violations++
	if len(c.Examples) < maxExamples {
		c.Examples = append(c.Examples, detail())
	}
}

// walk is an audit under way.
type walk struct {
	Options
	tx     *sqlx.Tx
	report *Report
	done   int64
}

func (w *walk) check(name, rule string) *Check {
	c := &Check{Name: name, Rule: rule}
	w.report.Checks = append(w.report.Checks, c)
	return c
}

// Run audits the ledger in the schema "transaction" of db. An error means that it could not look
// at all of it.
func Run(ctx context.Context, db *sqlx.DB, o Options) (*Report, error) {
	if o.PageSize <= 0 {
		o.PageSize = 5000
	}
	if o.OutboxKeep <= 0 {
		o.OutboxKeep = 720 * time.Hour
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	w := &walk{Options: o, tx: tx, report: &Report{}}
	if err := tx.GetContext(ctx, w.report, countSQL); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	for _, part := range parts {
		if err := part(ctx, w); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	return w.report, nil
}

const countSQL = `SELECT now() AS at,
    (SELECT count(*) FROM transaction.account) AS accounts, (SELECT count(*) FROM transaction.transfer) AS transfers,
    (SELECT count(*) FROM transaction.entry) AS entries, (SELECT count(*) FROM transaction.payment) AS payments,
    (SELECT count(*) FROM transaction.hold) AS holds,
    (SELECT count(*) FROM transaction.outbox) AS events, (SELECT count(*) FROM transaction.idempotency) AS keys`

// parts are the walks, each over one table and what belongs to its rows.
var parts = []func(context.Context, *walk) error{}

// pages reads rows in the order of their key, a page at a time, and shows each to visit. The
// query takes the last key as $1..$n, then the size of a page, then extra.
func pages[R any](ctx context.Context, w *walk, query string, start []any, key func(R) []any, visit func(R), extra ...any) error {
	rows := make([]R, 0, w.PageSize)
	for {
		rows = rows[:0]
		if err := w.tx.SelectContext(ctx, &rows, query, slices.Concat(start, []any{w.PageSize}, extra)...); err != nil {
			return err
		}
		for _, row := range rows {
			visit(row)
		}
		w.advance(len(rows))
		if len(rows) < w.PageSize {
			return nil
		}
		start = key(rows[len(rows)-1])
	}
}

// advance tells of rows that were walked.
func (w *walk) advance(rows int) {
	w.done += int64(rows)
	r := w.report
	w.Progress(w.done, r.Accounts+r.Entries+r.Transfers+r.Payments+r.Holds+r.Events+r.Keys)
}

const noID = "00000000-0000-0000-0000-000000000000"
