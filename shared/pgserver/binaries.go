package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// binaries finds PostgreSQL's programs or gets them, and says where from.
func binaries(ctx context.Context, cfg Config) (dir, from string, err error) {
	if dir, ok := find(ctx, cfg); ok {
		return dir, "from " + dir, nil
	}
	var tried []error
	if cfg.Install && cfg.BinDir == "" {
		err := install(ctx, cfg.Log)
		if dir, ok := find(ctx, cfg); ok {
			return dir, "from the distribution's package, now installed", nil
		}
		tried = append(tried, err)
	}
	if cfg.Fetch {
		dir, err := fetch(ctx, cfg)
		if err == nil {
			return dir, "fetched into " + dir, nil
		}
		tried = append(tried, err)
	}
	err = errors.New("pgserver: no PostgreSQL here: install it (Debian and Ubuntu: apt-get install postgresql; " +
		"macOS: brew install postgresql@17), or set DATABASE_URL")
	if why := errors.Join(tried...); why != nil {
		err = fmt.Errorf("%w (%s)", err, strings.ReplaceAll(why.Error(), "\n", "; "))
	}
	return "", "", err
}

// find looks at what the machine has.
func find(ctx context.Context, cfg Config) (string, bool) {
	dirs := []string{cfg.BinDir}
	if cfg.BinDir == "" {
		dirs = places(ctx)
	}
	owner, err := unprivileged()
	if err != nil {
		return "", false
	}
	for _, dir := range dirs {
		if complete(dir) && (!owner.other || owner.reaches(dir)) {
			return dir, true
		}
	}
	return "", false
}

// complete says whether a directory has the two programs of a server.
func complete(dir string) bool {
	if dir == "" {
		return false
	}
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func places(ctx context.Context) []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/postgresql/bin",
		"/usr/local/opt/postgresql@*/bin", "/usr/local/opt/postgresql/bin", "/usr/local/pgsql/bin",
	} {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	return dirs
}

var number = regexp.MustCompile(`[0-9]+`)

// newestFirst expands a pattern, the highest version number first.
func newestFirst(pattern string) []string {
	dirs, _ := filepath.Glob(pattern) // fails on a bad pattern only
	version := func(dir string) int {
		all := number.FindAllString(dir, -1)
		if len(all) == 0 {
			return 0
		}
		n, _ := strconv.Atoi(all[len(all)-1])
		return n
	}
	sort.SliceStable(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	return dirs
}

// version is what `postgres --version` says, "15.13".
func version(ctx context.Context, bin string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "of unknown version"
	}
	return regexp.MustCompile(`[0-9]+(\.[0-9]+)?[a-z0-9]*`).FindString(string(out))
}
