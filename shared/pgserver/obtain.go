package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// install gets the distribution's package, where there is apt-get and the right to use it. The
// package would start a cluster of its own: createcluster's configuration tells it not to.
func install(ctx context.Context, log *slog.Logger) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("not a Debian system")
	}
	if os.Geteuid() != 0 {
		return errors.New("installing the package needs root")
	}
	log.InfoContext(ctx, "installing the distribution's PostgreSQL")
	if err := noCluster("/etc/postgresql-common/createcluster.conf"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var last error
	for _, args := range [][]string{
		{"install", "-y", "-q", "--no-install-recommends", "postgresql"},
		{"update", "-q"}, // a fresh machine has no package lists
		{"install", "-y", "-q", "--no-install-recommends", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		last = cmd.Run()
		if last == nil && args[0] == "install" {
			return nil
		}
		if last != nil {
			last = fmt.Errorf("apt-get %s: %w: %s", args[0], last, lastLine(out.String()))
		}
	}
	return last
}

// noCluster writes createcluster's configuration unless somebody has one already.
func noCluster(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte("create_main_cluster = false\n"), 0o644)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// fetched is the version asked of the repository.
const fetched = embedded.V17

// fetch gets binaries by embedded-postgres, once. Its own server is not used: it has no way to
// run as another user, nor to end when we do. Fetching is part of starting it, so it is
// started on a scratch directory; that fails for root, after the binaries have been unpacked.
func fetch(ctx context.Context, cfg Config) (string, error) {
	cache, err := cacheDir(cfg)
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "postgres-"+string(fetched))
	bin := filepath.Join(home, "bin")
	if complete(bin) {
		return bin, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(cache, "fetching-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	port, err := freePort()
	if err != nil {
		return "", err
	}
	unpacked := filepath.Join(scratch, "unpacked")
	config := embedded.DefaultConfig().Version(fetched).Port(uint32(port)).Logger(io.Discard).
		CachePath(cache).RuntimePath(filepath.Join(scratch, "run")).BinariesPath(unpacked).
		StartTimeout(cfg.StartTimeout)
	if cfg.RepositoryURL != "" {
		config = config.BinaryRepositoryURL(strings.TrimRight(cfg.RepositoryURL, "/"))
	}
	cfg.Log.InfoContext(ctx, "fetching PostgreSQL", "into", home)
	err = startOnce(ctx, embedded.NewDatabase(config))
	if !complete(filepath.Join(unpacked, "bin")) {
		return "", fmt.Errorf("fetch PostgreSQL %s: %w", fetched, errors.Join(err, ctx.Err()))
	}
	if err := os.Rename(unpacked, home); err != nil && !complete(bin) { // else another was faster
		return "", err
	}
	return bin, nil
}

// startOnce starts and stops a server. The library knows no context: a download that hangs is
// left behind when ctx ends.
func startOnce(ctx context.Context, server *embedded.EmbeddedPostgres) error {
	done := make(chan error, 1)
	go func() {
		err := server.Start()
		if err == nil {
			err = server.Stop()
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cacheDir must be within reach of the user that the server will run as.
func cacheDir(cfg Config) (string, error) {
	if cfg.CacheDir != "" {
		return filepath.Abs(cfg.CacheDir)
	}
	if os.Geteuid() == 0 {
		return "/var/cache/micropay", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "micropay"), nil
}
