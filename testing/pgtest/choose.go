package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/pgserver"
)

// Variable is the environment variable that chooses the server.
const Variable = "MICROPAY_TEST_POSTGRES"

const image = "postgres:17-alpine"

// settings make a server that forgets everything in a crash fast, and let many tests in at once.
var settings = map[string]string{"max_connections": "300", "shared_buffers": "64MB"}

var sharedHost = sync.OnceValues(func() (*host, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dsn, how, err := choose(ctx, os.Getenv(Variable))
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintln(os.Stderr, "pgtest: "+how)
	h, err := newHost(ctx, dsn)
	if err != nil {
		return nil, err
	}
	return h, h.sweep(ctx)
})

// choose starts or finds the server that the variable's value asks for.
func choose(ctx context.Context, want string) (dsn, how string, err error) {
	switch {
	case want == "" || want == "auto":
		dsn, how, err = container(ctx)
		if err == nil {
			return dsn, how, nil
		}
		why := err
		if dsn, how, err = local(ctx); err != nil {
			return "", "", fmt.Errorf("%w; docker: %w", err, why)
		}
		return dsn, how + " (docker: " + firstLine(why) + ")", nil
	case want == "docker":
		return container(ctx)
	case want == "local":
		return local(ctx)
	case strings.HasPrefix(want, "postgres://"), strings.HasPrefix(want, "postgresql://"):
		s, err := pgserver.Start(ctx, pgserver.Config{URL: want})
		if err != nil {
			return "", "", err
		}
		return s.DSN(""), s.How(), nil
	default:
		return "", "", fmt.Errorf("%s is none of auto, docker, local or the address of a server", Variable)
	}
}

// local starts a child that ends with this process; nobody has to stop it.
func local(ctx context.Context) (dsn, how string, err error) {
	s, err := pgserver.Start(ctx, pgserver.Config{
		Fast: true, Settings: settings, Install: true, Fetch: true, RepositoryURL: os.Getenv("MICROPAY_POSTGRES_REPOSITORY"),
	})
	if err != nil {
		return "", "", err
	}
	kept.Store(s, true)
	return s.DSN(""), s.How(), nil
}

// container starts a container that ends with this process, by testcontainers' reaper and, where
// that is switched off, by a watcher of our own.
func container(ctx context.Context) (dsn, how string, err error) {
	defer func() { // testcontainers panics when it finds no engine
		if r := recover(); r != nil {
			err = fmt.Errorf("no engine: %v", r)
		}
	}()
	hush()
	provider, err := testcontainers.ProviderDocker.GetProvider()
	if err != nil {
		return "", "", fmt.Errorf("no engine: %w", err)
	}
	defer func() { _ = provider.Close() }()
	health, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := provider.Health(health); err != nil {
		return "", "", fmt.Errorf("the engine does not answer: %w", err)
	}
	return runContainer(ctx)
}

func runContainer(ctx context.Context) (dsn, how string, err error) {
	command := []string{"postgres"}
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "autovacuum"} {
		command = append(command, "-c", name+"=off")
	}
	for name, value := range settings {
		command = append(command, "-c", name+"="+value)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	const password = "pgtest" // published on this machine only, holds nothing
	c, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts("5432/tcp"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": password}),
		testcontainers.WithTmpfs(map[string]string{"/var/lib/postgresql/data": "rw"}),
		testcontainers.WithCmd(command...),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("5432/tcp").SkipInternalCheck().WithPollInterval(30*time.Millisecond)),
	)
	if c != nil {
		if watched := watchContainer(c.GetContainerID()); watched != nil && err == nil {
			err = watched
		}
	}
	if err != nil {
		return "", "", errors.Join(err, testcontainers.TerminateContainer(c))
	}
	address, err := c.PortEndpoint(ctx, "5432/tcp", "")
	if err != nil {
		return "", "", errors.Join(err, testcontainers.TerminateContainer(c))
	}
	dsn = "postgres://postgres:" + password + "@" + address + "/postgres?sslmode=disable"
	if err := answers(ctx, dsn); err != nil {
		return "", "", errors.Join(err, testcontainers.TerminateContainer(c))
	}
	return dsn, fmt.Sprintf("PostgreSQL in a container of %s, on %s", image, address), nil
}

// answers waits for the server proper: while the image sets itself up, connections are refused
// or cut.
func answers(ctx context.Context, dsn string) error {
	db, err := database.Open(ctx, database.Config{DSN: dsn})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for {
		_, err := db.ExecContext(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the container's server does not answer: %w", err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// kept holds what must live as long as this process: a file that nobody refers to any more is
// closed, and the watcher at the other end would take that for our end.
var kept sync.Map

// watchContainer removes the container when this process is gone. It needs docker's command;
// without it, testcontainers' reaper is the only one.
func watchContainer(id string) error {
	docker, err := exec.LookPath("docker")
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	cmd := exec.Command("/bin/sh", "-c", `trap '' HUP INT TERM QUIT; cat >/dev/null; exec "$1" rm -f -v "$2"`, "sh", docker, id)
	cmd.Dir = "/"
	detach(cmd)
	leash, err := cmd.StdinPipe() // never written to: it closes when we are gone
	if err != nil {
		return err
	}
	kept.Store(leash, cmd)
	return cmd.Start()
}

// hush keeps testcontainers' own log, which is one for the process, out of the tests' output.
var hush = sync.OnceFunc(func() { tclog.SetDefault(silent{}) })

type silent struct{}

func (silent) Printf(string, ...any) {}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
