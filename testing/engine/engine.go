// Package engine runs containers for tests where a Docker engine answers. A container ends with
// the process that started it: by testcontainers' reaper and, where that is switched off, by a
// watcher of our own.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// startWithin bounds a start, the pull of the image included.
const startWithin = 3 * time.Minute

// Run starts a container. Errors: no engine answers, or the image cannot be had.
func Run(ctx context.Context, image string, options ...testcontainers.ContainerCustomizer) (c *testcontainers.DockerContainer, err error) {
	defer func() { // testcontainers panics when it finds no engine
		if r := recover(); r != nil {
			err = fmt.Errorf("no engine: %v", r)
		}
	}()
	hush()
	if err := answers(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	c, err = testcontainers.Run(ctx, image, options...)
	if c != nil {
		err = errors.Join(err, watch(c.GetContainerID()))
	}
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(c))
	}
	return c, nil
}

func answers(ctx context.Context) error {
	provider, err := testcontainers.ProviderDocker.GetProvider()
	if err != nil {
		return fmt.Errorf("no engine: %w", err)
	}
	defer func() { _ = provider.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := provider.Health(ctx); err != nil {
		return fmt.Errorf("the engine does not answer: %w", err)
	}
	return nil
}

// Leash starts a child, a program of its own process group, that is sent away when this process
// is gone, however that ends: the child's standard input closes then.
func Leash(cmd *exec.Cmd) error {
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's signals are not for it
	end, err := cmd.StdinPipe()                           // never written to
	if err != nil {
		return err
	}
	kept.Store(end, cmd)
	return cmd.Start()
}

// kept holds what must live as long as this process: a file that nobody refers to any more is
// closed, and the child at the other end would take that for our end.
var kept sync.Map

// watch removes the container when this process is gone. It needs docker's command; without it,
// testcontainers' reaper is the only one.
func watch(id string) error {
	docker, err := exec.LookPath("docker")
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return Leash(exec.Command("/bin/sh", "-c", `trap '' HUP INT TERM QUIT; cat >/dev/null; exec "$1" rm -f -v "$2"`, "sh", docker, id))
}

// hush keeps testcontainers' own log, which is one for the process, out of the tests' output.
var hush = sync.OnceFunc(func() { tclog.SetDefault(silent{}) })

type silent struct{}

func (silent) Printf(string, ...any) {}
