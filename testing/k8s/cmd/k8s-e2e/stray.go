package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"time"
)

// forbidden is what only named pods may reach, by name and, added later, by address.
var forbidden = []string{
	"postgres.micropay:5432", "auth.micropay:8001", "transaction.micropay:8001", "auth-pods.micropay:8001",
	"http://auth.micropay:8001/metrics", "http://transaction.micropay:8001/metrics",
}

// strayPod is a pod of the restricted profile that tries to reach things. The gate keeps one that
// wears a service's labels out of the Service.
const strayPod = `apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: NAMESPACE, labels: {LABELS}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  readinessGates: [{conditionType: micropay/never}]
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: reach
      image: micropay-reach:local
      imagePullPolicy: IfNotPresent
      args: ARGS
      env: [{name: PATIENCE, value: WAIT}]
      resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 200m, memory: 64Mi}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`

// reach runs such a pod and says what it reached, and how.
func reach(ctx context.Context, name, ns, labels string, patience time.Duration, targets []string) (map[string]string, error) {
	args, err := json.Marshal(targets)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("NAMESPACE", ns, "NAME", name, "LABELS", labels, "ARGS", string(args), "WAIT", patience.String()).Replace(strayPod)
	_ = each(ctx, "-n "+ns+" delete pod "+name+" --ignore-not-found --wait")
	apply := exec.CommandContext(ctx, "kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(text)
	if out, err := apply.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	defer func() { _ = each(context.WithoutCancel(ctx), "-n "+ns+" delete pod "+name+" --wait=false") }()
	if err := each(ctx, "-n "+ns+" wait pod/"+name+" --for=jsonpath={.status.phase}=Succeeded --timeout=180s"); err != nil {
		return nil, err
	}
	out, err := kubectl(ctx, "-n", ns, "logs", name)
	if err != nil {
		return nil, err
	}
	var reached map[string]string
	return reached, json.Unmarshal([]byte(out), &reached)
}

func stray(ctx context.Context, r *run, res *result) error {
	targets := append([]string(nil), forbidden...)
	for name, port := range map[string]string{"auth": "8001", "transaction": "8001", "postgres": "5432"} {
		all, err := pods(ctx, namespace, "app.kubernetes.io/name="+name)
		if err != nil {
			return err
		}
		for _, p := range all {
			if p.Ready {
				targets = append(targets, net.JoinHostPort(p.IP, port))
			}
		}
	}
	_, _ = kubectl(ctx, "create", "namespace", "stray")
	defer func() { _ = each(context.WithoutCancel(ctx), "delete namespace stray --wait=false") }()
	var errs []error
	tried := 0
	for _, s := range []struct{ name, ns, labels string }{
		{"stray", "stray", ""},
		{"impostor", "stray", "app.kubernetes.io/name: transaction, micropay/database: client"}, // labels count only at home
		{"unlabelled", namespace, ""},
	} {
		reached, err := reach(ctx, s.name, s.ns, s.labels, 0, targets)
		errs = append(errs, err)
		tried += len(reached)
		for target, how := range reached {
			if how != "" {
				errs = append(errs, fmt.Errorf("%s in %s reached %s: %s", s.name, s.ns, target, how))
			}
		}
	}
	// The same program, where it may: otherwise the above would prove nothing.
	allowed, err := reach(ctx, "friend", namespace, "app.kubernetes.io/name: transaction, micropay/database: client", 20*time.Second,
		[]string{"postgres:5432", "auth:8001", "http://auth:8001/metrics"})
	errs = append(errs, err)
	for target, how := range allowed {
		if how == "" {
			errs = append(errs, fmt.Errorf("even a pod that may does not reach %s", target))
		}
	}
	ways, err := waysPastTheIngress(ctx, r.url)
	errs = append(errs, err)
	res.Data["tried"], res.Data["allowed"], res.Data["ingress"] = tried, allowed, ways
	res.Figure = fmt.Sprintf("0 of %d tries of three stray pods got through, 3 of 3 of one that may; %d paths through the Ingress lead to nothing internal", tried, len(ways))
	if errors.Join(errs...) != nil {
		res.Figure = ""
	}
	return errors.Join(errs...)
}

// waysPastTheIngress tries paths by which people get past a router, and says what each answered.
func waysPastTheIngress(ctx context.Context, url string) (map[string]string, error) {
	answers := map[string]string{}
	var errs []error
	for _, path := range []string{
		"/metrics", "/internal/auth/users", "/internal/transaction/owners/x/close", "/auth/metrics", "/auth/../metrics", "/auth/..%2fmetrics",
		"/auth/%2e%2e/metrics", "//metrics", "/auth//..//metrics", "/transaction/../internal/auth/users", "/transaction/..;/internal/auth/users",
		"/.well-known/../metrics", "/auth/internal/auth/users", "/debug/pprof/", "/transaction/metrics",
	} {
		for _, host := range []string{"", "auth:8001", "transaction-pods.micropay.svc.cluster.local:8001"} {
			status, body, err := rawGet(ctx, url, path, host)
			errs = append(errs, err)
			answers[strings.TrimSpace(path+" "+host)] = status
			if strings.HasPrefix(status, "2") || strings.Contains(body, "http_requests_total") {
				errs = append(errs, fmt.Errorf("%s (Host %q) answers %s", path, host, status))
			}
		}
	}
	return answers, errors.Join(errs...)
}

// rawGet sends the path as it is: net/http would tidy it.
func rawGet(ctx context.Context, url, path, host string) (status, body string, err error) {
	address := strings.TrimPrefix(url, "http://")
	if host == "" {
		host = address
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host); err != nil {
		return "", "", err
	}
	text, err := io.ReadAll(io.LimitReader(c, 1<<20))
	if err != nil {
		return "", "", err
	}
	head, rest, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	fields := strings.Fields(string(head))
	if len(fields) < 2 {
		return "", "", fmt.Errorf("%s: no answer", path)
	}
	return fields[1], string(rest), nil
}
