package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	dashboardsDir = "../../deploy/grafana/dashboards"
	prometheusDir = "../../deploy/prometheus"
)

// prometheus is a server that watches a platform.
type prometheus struct {
	t   *testing.T
	url string
}

// TestObserved_DashboardsAndAlertsSpeakOfWhatIsThere runs the services, traffic, and a Prometheus
// that scrapes them, and asks it every question that a dashboard or an alert asks.
func TestObserved_DashboardsAndAlertsSpeakOfWhatIsThere(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("needs prometheus on the PATH (Debian: apt install prometheus)")
	}
	pair := localPair(t)
	watching := watch(t, program, pair)
	pair.story()
	ann, from := pair.person("ann@example.com", "Ann", "en")
	_, to := pair.person("bob@example.com", "Bob", "en")
	pair.transaction.call(201, ann, "POST", "/transaction/topups", map[string]any{"wallet_id": from, "amount": 5000, "currency": "USD", "provider": "sandbox"})
	watching.holds(func() {
		pair.transaction.call(201, ann, "POST", "/transaction/transfers", map[string]any{"from_wallet_id": from, "to_wallet_id": to, "amount": 1, "currency": "USD"})
	})
}

// Whoever is called at night finds a chapter of docs/operations.md about it, and a test of the alert.
func TestAlerts_EachSaysWhatToDo(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	tests, err := os.ReadFile(filepath.Join(prometheusDir, "rules_test.yml"))
	require.NoError(t, err)
	alerts := 0
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		alerts++
		require.Equal(t, "docs/operations.md#"+strings.ToLower(rule.Alert), rule.Annotations["runbook"])
		require.Contains(t, string(manual), "\n### "+rule.Alert+"\n")
		require.Contains(t, string(tests), "alertname: "+rule.Alert+"\n        exp_alerts:\n", "a case in which it fires")
	}
	require.GreaterOrEqual(t, alerts, 10)
}

// TestGateway_ObservedByPrometheus asks the same of a Prometheus that watches what MICROPAY_E2E_URL
// names, after the other tests of it.
func TestGateway_ObservedByPrometheus(t *testing.T) {
	address := os.Getenv("MICROPAY_PROMETHEUS_URL")
	if address == "" {
		t.Skip("needs a Prometheus, named by MICROPAY_PROMETHEUS_URL: make up PROFILE=observe")
	}
	prometheus{t, address}.holds(func() {})
}

// watch starts program with the configuration of compose, but for where the services are.
func watch(t *testing.T, program string, p *pair) prometheus {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile(filepath.Join(prometheusDir, "prometheus.yml"))
	require.NoError(t, err)
	rules, err := filepath.Abs(filepath.Join(prometheusDir, "rules.yml"))
	require.NoError(t, err)
	config = []byte(strings.NewReplacer(
		"/etc/prometheus/rules.yml", rules, "auth:8001", p.auth.inside, "transaction:8001", p.transaction.inside,
		"scrape_interval: 5s", "scrape_interval: 500ms", "evaluation_interval: 15s", "evaluation_interval: 1s",
	).Replace(string(config)))
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, config, 0o600))
	address := freeAddress(t)
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+dir, "--web.listen-address="+address, "--log.level=warn")
	said := &bytes.Buffer{}
	cmd.Stderr = said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		t.Log(said)
	})
	return prometheus{t, "http://" + address}
}

// holds asks everything until all of it has been answered, while something is done.
func (p prometheus) holds(meanwhile func()) {
	p.t.Helper()
	silent := map[string]error{}
	for _, q := range append(dashboardQueries(p.t), metricsOfRules(p.t)...) {
		silent[q] = nil
	}
	require.GreaterOrEqual(p.t, len(silent), 30)
	until := time.After(time.Minute)
	for len(silent) > 0 {
		meanwhile()
		for q := range silent {
			n, err := p.query(q)
			if silent[q] = err; n > 0 {
				delete(silent, q)
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-until:
			require.Empty(p.t, silent, "nothing answers these")
		}
	}
}

// query says how many series answer.
func (p prometheus) query(q string) (int, error) {
	response, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(q))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Data  struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	n := 0
	for _, series := range answer.Data.Result {
		if series.Value[1] != "NaN" {
			n++
		}
	}
	if answer.Error != "" {
		err = fmt.Errorf("%s", answer.Error)
	}
	return n, err
}

func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dashboardsDir, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var dashboard struct {
			Panels []struct {
				Targets []struct{ Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(raw, &dashboard))
		for _, panel := range dashboard.Panels {
			require.NotEmpty(t, panel.Targets)
			for _, target := range panel.Targets {
				queries = append(queries, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"))
			}
		}
	}
	return queries
}

// metricsOfRules are the names of the metrics that alerts and recordings are made of, since most alerts'
// own expressions have no answer while all is well.
func metricsOfRules(t *testing.T) (queries []string) {
	t.Helper()
	metric := regexp.MustCompile(`\b(?:micropay:[a-z0-9_:]+|[a-z]+(?:_[a-z]+)+)\b`)
	seen := map[string]bool{}
	for _, rule := range rules(t) {
		for _, name := range metric.FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(rule.Expr, `""`), -1) {
			if !seen[name] {
				seen[name] = true
				queries = append(queries, name)
			}
		}
	}
	return queries
}

type rule struct {
	Alert, Record, Expr string
	Annotations         map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(prometheusDir, "rules.yml"))
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}
