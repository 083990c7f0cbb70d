package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

var passed = regexp.MustCompile(`(?m)^--- PASS: `)

// suite runs the tests that are for any gateway, but for what an Ingress controller does not do: it
// adds no headers to its own answers, and asks nobody whether a token is still good.
func suite(ctx context.Context, r *run, res *result) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "TestGateway_", "-skip", "SecurityHeaders|Logout_IsKnownAtOnce", "./testing/e2e")
	cmd.Env = append(os.Environ(), "MICROPAY_E2E_URL="+r.url)
	out, err := cmd.CombinedOutput()
	n := len(passed.FindAll(out, -1))
	res.Data["passed"] = n
	res.Figure = fmt.Sprintf("%d tests passed", n)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if n == 0 {
		return errors.New("no test ran")
	}
	return nil
}

func rollingUpdate(name string) func(context.Context, *run, *result) error {
	return func(ctx context.Context, r *run, res *result) error {
		t, err := r.start(ctx, "rollout-"+name, clients, pause)
		if err != nil {
			return err
		}
		wait(ctx, around)
		began := time.Now()
		err = each(ctx, "-n "+namespace+" rollout restart deployment/"+name, "-n "+namespace+" rollout status deployment/"+name+" --timeout=180s")
		res.Data["rollout_seconds"] = time.Since(began).Seconds()
		if err == nil { // the last old pod still drains
			err = until(ctx, 2*time.Minute, "the old pods to end", func() (bool, error) {
				all, err := pods(ctx, namespace, "app.kubernetes.io/name="+name)
				for _, p := range all {
					if p.Ending {
						return false, nil
					}
				}
				return err == nil, err
			})
		}
		res.Figure = fmt.Sprintf("both pods replaced in %.0f s: ", time.Since(began).Seconds())
		wait(ctx, around)
		return errors.Join(err, t.end(ctx, res, false))
	}
}

func killPod(name, selector string) func(context.Context, *run, *result) error {
	return func(ctx context.Context, r *run, res *result) error {
		if err := settled(ctx); err != nil {
			return err
		}
		t, err := r.start(ctx, "kill-"+name, clients, pause)
		if err != nil {
			return err
		}
		wait(ctx, around)
		all, err := pods(ctx, namespace, selector)
		if err != nil {
			return err
		}
		err = each(ctx, "-n "+namespace+" delete pod "+all[0].Name+" --grace-period=0 --force")
		wait(ctx, 2*time.Second)
		err = errors.Join(err, settled(ctx), t.calm(ctx, 15*time.Second, 3*time.Minute))
		return errors.Join(err, t.end(ctx, res, true))
	}
}

// other is a node that does not carry the database, and takes no part in what every cluster has.
func other(ctx context.Context) (string, error) {
	database, err := pods(ctx, namespace, "app.kubernetes.io/name=postgres")
	if err != nil || len(database) == 0 {
		return "", errors.Join(err, errors.New("no database"))
	}
	nodes, err := kubectl(ctx, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return "", err
	}
	for _, n := range strings.Fields(nodes) {
		if n != database[0].Node {
			return n, moveAddOns(ctx, n)
		}
	}
	return "", errors.New("there is no second node")
}

// moveAddOns brings names and the way in to another node, where they have one replica: EKS has two
// of CoreDNS, and its load balancer stands outside the cluster.
func moveAddOns(ctx context.Context, node string) error {
	if err := each(ctx, "cordon "+node); err != nil {
		return err
	}
	for _, ns := range []string{"kube-system", "ingress-nginx"} {
		names, err := kubectl(ctx, "-n", ns, "get", "pods", "--field-selector", "spec.nodeName="+node, "-o",
			`jsonpath={range .items[?(@.metadata.ownerReferences[0].kind=="ReplicaSet")]}{.metadata.name} {end}`)
		if err != nil {
			return err
		}
		for _, name := range strings.Fields(names) {
			if err := each(ctx, "-n "+ns+" delete pod "+name); err != nil {
				return err
			}
		}
		deployments, err := kubectl(ctx, "-n", ns, "get", "deployments", "-o", "name")
		if err != nil {
			return err
		}
		for _, d := range strings.Fields(deployments) {
			if err := each(ctx, "-n "+ns+" rollout status "+d+" --timeout=120s"); err != nil {
				return err
			}
		}
	}
	return each(ctx, "uncordon "+node)
}

// spreadAnew makes both services' pods anew, so that each node carries one.
func spreadAnew(ctx context.Context) error {
	return errors.Join(each(ctx,
		"-n "+namespace+" rollout restart deployment/auth deployment/transaction",
		"-n "+namespace+" rollout status deployment/auth --timeout=180s", "-n "+namespace+" rollout status deployment/transaction --timeout=180s",
	), settled(ctx))
}
