package bench

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/lib/pq" // the driver
)

// SQL is pgbench at work in a database of its own.
type SQL struct {
	Program  string // pgbench
	DSN      string // of an empty database
	Accounts int
	Clients  int
}

const schema = `
	CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0)) WITH (fillfactor = 50);
	CREATE TABLE transfer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount bigint NOT NULL,
	    created_at timestamptz NOT NULL DEFAULT now());
	CREATE TABLE entry (account_id bigint NOT NULL, transfer_id bigint NOT NULL, amount bigint NOT NULL,
	    balance_after bigint NOT NULL, PRIMARY KEY (account_id, transfer_id));`

// Style is how a transfer is written in SQL.
type Style string

// OneStatement does all in one round trip: the least there is. Statements is a transaction as a
// program writes it, a round trip for each statement. The payer is locked first, and the
// scripts order the two, so that there are no deadlocks.
const (
	OneStatement Style = "SQL, one statement"
	Statements   Style = "SQL, statements"
)

var transferSQL = map[Style]string{
	OneStatement: strings.Join(strings.Fields(`
		WITH src AS (UPDATE account SET balance = balance - 1 WHERE id = :src RETURNING id, balance),
		     dst AS (UPDATE account SET balance = balance + 1 WHERE id = :dst AND EXISTS (SELECT FROM src) RETURNING id, balance),
		     t AS (INSERT INTO transfer (amount) VALUES (1) RETURNING id)
		INSERT INTO entry (account_id, transfer_id, amount, balance_after)
		SELECT src.id, t.id, -1, src.balance FROM src, t UNION ALL SELECT dst.id, t.id, 1, dst.balance FROM dst, t;`), " "),
	Statements: `BEGIN;
UPDATE account SET balance = balance - 1 WHERE id = :src RETURNING balance AS src_balance \gset
UPDATE account SET balance = balance + 1 WHERE id = :dst RETURNING balance AS dst_balance \gset
INSERT INTO transfer (amount) VALUES (1) RETURNING id AS transfer \gset
INSERT INTO entry (account_id, transfer_id, amount, balance_after) VALUES (:src, :transfer, -1, :src_balance), (:dst, :transfer, 1, :dst_balance);
COMMIT;`,
}

var drawSQL = map[Pattern]string{
	Spread: "\\set one random(1, :accounts)\n\\set other random(1, :accounts - 1)\n\\set other :other + case when :other >= :one then 1 else 0 end\n" +
		"\\set src least(:one, :other)\n\\set dst greatest(:one, :other)\n",
	Hot: "\\set src random(2, :accounts)\n\\set dst 1\n",
}

// Prepare makes the accounts.
func (s SQL) Prepare(ctx context.Context) error {
	db, err := sql.Open("postgres", s.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("pgbench's schema: %w", err)
	}
	_, err = db.ExecContext(ctx, "INSERT INTO account SELECT i, 1000000000 FROM generate_series(1, $1) i", s.Accounts)
	return err
}

// Run transfers for a while.
func (s SQL) Run(ctx context.Context, style Style, p Pattern, seconds int) (Figures, error) {
	dir, err := os.MkdirTemp("", "pgbench-")
	if err != nil {
		return Figures{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	script := filepath.Join(dir, "transfer.sql")
	if err := os.WriteFile(script, []byte(drawSQL[p]+transferSQL[style]+"\n"), 0o600); err != nil {
		return Figures{}, err
	}
	cmd := exec.CommandContext(ctx, s.Program, "--no-vacuum", "--protocol=prepared", "--file="+script,
		"--client="+strconv.Itoa(s.Clients), "--jobs=2", "--time="+strconv.Itoa(seconds),
		"--define=accounts="+strconv.Itoa(s.Accounts), "--log", "--log-prefix="+filepath.Join(dir, "log"), s.DSN)
	if out, err := cmd.CombinedOutput(); err != nil {
		return Figures{}, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	latencies, err := readLogs(filepath.Join(dir, "log.*"))
	return Figures{Took: time.Duration(seconds) * time.Second, Latencies: latencies}, err
}

// readLogs reads pgbench's logs, one for each thread: client, number, microseconds, ...
func readLogs(pattern string) (latencies []time.Duration, err error) {
	logs, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, l := range logs {
		content, err := os.ReadFile(filepath.Clean(l))
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			us, err := strconv.ParseInt(strings.Fields(lines.Text())[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("pgbench's log: %w", err)
			}
			latencies = append(latencies, time.Duration(us)*time.Microsecond)
		}
	}
	return latencies, nil
}
