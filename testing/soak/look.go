package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/testing/running"
)

// look takes what the process holds: from Linux' /proc, its own metrics and PostgreSQL.
func (s *Sample) look(ctx context.Context, platform *running.Platform, db *sqlx.DB) error {
	proc := fmt.Sprintf("/proc/%d", platform.PID())
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return err
	}
	s.Files = len(files)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return err
	}
	kib, err := value(string(status), "VmRSS:")
	if err != nil {
		return err
	}
	s.RSS = int64(kib) << 10
	metrics, err := get(ctx, platform.Internal+"/metrics")
	if err != nil {
		return err
	}
	goroutines, err := value(metrics, "go_goroutines")
	s.Goroutines = int(goroutines)
	if err != nil {
		return err
	}
	return db.GetContext(ctx, &s.Sessions, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'micropay %'")
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// value is the number after the name at a line's beginning.
func value(text, name string) (float64, error) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == name {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("nothing is called %s", name)
}
