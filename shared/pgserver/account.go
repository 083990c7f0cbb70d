package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as. The zero value is ourselves.
type account struct {
	other    bool
	uid, gid int
}

// unprivileged is ourselves, or, for root, whom PostgreSQL refuses, postgres or else nobody.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{other: true, uid: uid, gid: gid}, nil
		}
	}
	return account{}, errors.New("pgserver: PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// as makes cmd run as the account, in a process group of its own.
func (a account) as(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// write makes a private file of the account's.
func (a account) write(file, text string) error {
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	return a.own(file)
}

func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// directory makes the place for the server's files, private to the account. Somewhere else is
// taken when the account could not get to the configured one, as below root's home.
func (a account) directory(cfg Config) (string, error) {
	if cfg.DataDir == "" {
		dir, err := os.MkdirTemp(memory(cfg.Fast), "micropay-postgres-")
		if err != nil {
			return "", fmt.Errorf("pgserver: %w", err)
		}
		return dir, a.own(dir)
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	if a.other && !a.reaches(filepath.Dir(dir)) {
		sum := sha256.Sum256([]byte(dir))
		elsewhere := filepath.Join("/var/lib/micropay", hex.EncodeToString(sum[:6]))
		cfg.Log.Info("the server's user cannot get to the data directory, another is used", "wanted", dir, "used", elsewhere)
		dir = elsewhere
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	if err := a.own(dir); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	return dir, nil
}

// memory is a file system in memory with room for a temporary server's files, if there is one:
// a test's database should not wait for a disk. Empty is the usual place.
func memory(fast bool) string {
	const dir, room = "/dev/shm", 2 << 30
	var st syscall.Statfs_t
	if !fast || syscall.Statfs(dir, &st) != nil || uint64(st.Bavail)*uint64(st.Bsize) < room { //nolint:unconvert // the types differ between systems
		return ""
	}
	return dir
}

// reaches says whether the account may pass through every existing directory down to dir.
func (a account) reaches(dir string) bool {
	for {
		if info, err := os.Stat(dir); err == nil && !a.passes(info) {
			return false
		}
		up := filepath.Dir(dir)
		if up == dir {
			return true
		}
		dir = up
	}
}

func (a account) passes(info os.FileInfo) bool {
	bit := os.FileMode(0o001)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case int(st.Uid) == a.uid:
			bit = 0o100
		case int(st.Gid) == a.gid:
			bit = 0o010
		}
	}
	return info.Mode()&bit != 0
}

// runCmd runs cmd to its end, or kills its process group when ctx ends.
func runCmd(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}
