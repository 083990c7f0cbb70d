package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/pgserver"
	"github.com/micropay/micropay/testing/engine"
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

// kept holds the servers that live as long as this process.
var kept sync.Map

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

// container starts a container that ends with this process.
func container(ctx context.Context) (dsn, how string, err error) {
	command := []string{"postgres"}
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "autovacuum"} {
		command = append(command, "-c", name+"=off")
	}
	for name, value := range settings {
		command = append(command, "-c", name+"="+value)
	}
	const password = "pgtest" // published on this machine only, holds nothing
	c, err := engine.Run(ctx, image,
		testcontainers.WithExposedPorts("5432/tcp"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": password}),
		testcontainers.WithTmpfs(map[string]string{"/var/lib/postgresql/data": "rw"}),
		testcontainers.WithCmd(command...),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("5432/tcp").SkipInternalCheck().WithPollInterval(30*time.Millisecond)),
	)
	if err != nil {
		return "", "", err
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

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
