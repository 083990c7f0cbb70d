// Package running is a built platform in a process of its own, on a database that is there.
package running

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Platform answers at URL, and at Internal what is not for everybody.
type Platform struct {
	URL, Internal string

	cmd *exec.Cmd
	dir string
}

// Start runs `PROGRAM serve` with these settings besides, and returns when it is ready. Its data
// are in a folder that Stop removes; it says on stderr what it warns of.
func Start(ctx context.Context, program, dsn string, env ...string) (*Platform, error) {
	dir, err := os.MkdirTemp("", "micropay-")
	if err != nil {
		return nil, err
	}
	public, internal, err := freeAddresses(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p := &Platform{URL: "http://" + public, Internal: "http://" + internal, cmd: exec.CommandContext(ctx, program, "serve"), dir: dir}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn, "MICROPAY_DATA="+dir, "LISTEN_ADDR="+public, "INTERNAL_ADDR="+internal, "LOG_LEVEL=warn")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// PID is that of the process.
func (p *Platform) PID() int { return p.cmd.Process.Pid }

// Stop ends it as an operator would, and waits.
func (p *Platform) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return errors.Join(p.cmd.Wait(), os.RemoveAll(p.dir))
}

func freeAddresses(ctx context.Context) (public, internal string, err error) {
	var lc net.ListenConfig
	a, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	b, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", errors.Join(err, a.Close())
	}
	return a.Addr().String(), b.Addr().String(), errors.Join(a.Close(), b.Close())
}

func (p *Platform) ready(ctx context.Context) error {
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the platform does not get ready")
}
