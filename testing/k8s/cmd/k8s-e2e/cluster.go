package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const namespace = "micropay"

// kubectl says what kubectl says.
func kubectl(ctx context.Context, args ...string) (string, error) {
	var out, fault bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(fault.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// each runs kubectl several times, until one fails.
func each(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		if _, err := kubectl(ctx, strings.Fields(c)...); err != nil {
			return err
		}
	}
	return nil
}

// until asks again and again, for at most that long.
func until(ctx context.Context, patience time.Duration, what string, ok func() (bool, error)) error {
	for end := time.Now().Add(patience); ; {
		good, err := ok()
		if good {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("gave up waiting for %s", what), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// pod is what matters here of a pod.
type pod struct {
	Name, Node, IP string
	Ready          bool
	Ending         bool
}

func pods(ctx context.Context, namespace, selector string) ([]pod, error) {
	text, err := kubectl(ctx, "-n", namespace, "get", "pods", "-l", selector, "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp *string
			}
			Spec   struct{ NodeName string }
			Status struct {
				PodIP      string
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	var all []pod
	for _, i := range list.Items {
		p := pod{Name: i.Metadata.Name, Node: i.Spec.NodeName, IP: i.Status.PodIP, Ending: i.Metadata.DeletionTimestamp != nil}
		for _, c := range i.Status.Conditions {
			p.Ready = p.Ready || c.Type == "Ready" && c.Status == "True" && !p.Ending
		}
		all = append(all, p)
	}
	return all, nil
}

// ready counts the pods of a service that answer.
func ready(ctx context.Context, name string) (int, error) {
	all, err := pods(ctx, namespace, "app.kubernetes.io/name="+name)
	n := 0
	for _, p := range all {
		if p.Ready {
			n++
		}
	}
	return n, err
}

// settled waits until both services have at least two ready pods and the database answers.
func settled(ctx context.Context) error {
	return until(ctx, 5*time.Minute, "two ready pods of each service", func() (bool, error) {
		for name, least := range map[string]int{"auth": 2, "transaction": 2, "postgres": 1} {
			if n, err := ready(ctx, name); n < least || err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// setUp brings the overlay onto the cluster.
func (r *run) setUp(ctx context.Context) error {
	text, err := kubectl(ctx, "version", "-o", "json")
	if err != nil {
		return err
	}
	var version struct{ ServerVersion struct{ GitVersion string } }
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return err
	}
	nodes, err := kubectl(ctx, "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.topology\.kubernetes\.io/zone}{"\n"}{end}`)
	if err != nil {
		return err
	}
	commit, _ := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	r.record = record{
		Date: time.Now().UTC().Format(time.RFC3339), Commit: strings.TrimSpace(string(commit)),
		Cluster: "Kubernetes " + version.ServerVersion.GitVersion, Nodes: strings.Split(nodes, "\n"),
	}
	if err := storage(ctx, strings.Fields(nodes)[0]); err != nil {
		return err
	}
	began := time.Now()
	deploy := exec.CommandContext(ctx, "k8s/deploy.sh", "local")
	deploy.Stdout, deploy.Stderr = os.Stdout, os.Stderr
	if err := deploy.Run(); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	r.record.Facts = map[string]string{"deployed_in": time.Since(began).Round(time.Second).String()}
	return settled(ctx)
}

// storage gives a cluster without a default StorageClass a volume on one node, once.
func storage(ctx context.Context, node string) error {
	classes, err := kubectl(ctx, "get", "storageclass", "-o", `jsonpath={.items[*].metadata.annotations.storageclass\.kubernetes\.io/is-default-class}`)
	if err != nil {
		return err
	}
	if strings.Contains(classes, "true") {
		return nil
	}
	if _, err := kubectl(ctx, "get", "pv", "micropay-postgres"); err == nil {
		return nil
	}
	return each(ctx,
		"label node "+node+" micropay/database=true --overwrite",
		"apply -k k8s/storage",
		"-n micropay-storage wait job/prepare --for=condition=Complete --timeout=120s",
	)
}

// audit walks the ledger inside the cluster, and returns the last line of the report.
func audit(ctx context.Context) (string, error) {
	name := fmt.Sprintf("audit-%d", time.Now().Unix())
	if err := each(ctx, "-n "+namespace+" create job --from=cronjob/audit "+name); err != nil {
		return "", err
	}
	_, err := kubectl(ctx, "-n", namespace, "wait", "job/"+name, "--for=condition=Complete", "--timeout=120s")
	report, logErr := kubectl(ctx, "-n", namespace, "logs", "job/"+name, "--tail=1")
	if err == nil {
		err = logErr
	}
	if err == nil && !strings.HasSuffix(report, ": 0 violations") {
		err = fmt.Errorf("the audit says %q", report)
	}
	_, _ = kubectl(ctx, "-n", namespace, "delete", "job", name, "--wait=false")
	return report, err
}
