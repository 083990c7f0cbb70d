package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// fewest watches how many pods of each service answer, until stop; the least is the budget's to keep.
func fewest(ctx context.Context) (stop func() map[string]int) {
	ctx, cancel := context.WithCancel(ctx)
	least := map[string]int{"auth": 99, "transaction": 99}
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			for name := range least {
				if n, err := ready(ctx, name); err == nil {
					least[name] = min(least[name], n)
				}
			}
			wait(ctx, 300*time.Millisecond)
		}
	})
	return func() map[string]int {
		cancel()
		watching.Wait()
		return least
	}
}

func drainNode(ctx context.Context, r *run, res *result) error {
	node, err := other(ctx)
	if err == nil {
		err = spreadAnew(ctx)
	}
	if err != nil {
		return err
	}
	t, err := r.start(ctx, "drain", clients, pause)
	if err != nil {
		return err
	}
	wait(ctx, around)
	stop := fewest(ctx)
	began := time.Now()
	err = errors.Join(each(ctx, "drain "+node+" --ignore-daemonsets --delete-emptydir-data --timeout=240s"), settled(ctx))
	res.Data["drain_seconds"] = time.Since(began).Seconds()
	least := stop()
	res.Data["fewest_ready"] = least
	res.Figure = fmt.Sprintf("empty in %.0f s, never fewer than %d pods of auth and %d of transaction ready: ", time.Since(began).Seconds(), least["auth"], least["transaction"])
	wait(ctx, around)
	err = errors.Join(err, each(ctx, "uncordon "+node))
	if least["auth"] < 1 || least["transaction"] < 1 {
		err = errors.Join(err, errors.New("the budget was not kept"))
	}
	return errors.Join(err, t.end(ctx, res, false))
}

func killNode(ctx context.Context, r *run, res *result) error {
	kill, revive := os.Getenv("NODE_KILL"), os.Getenv("NODE_REVIVE")
	if kill == "" || revive == "" {
		res.Figure = "not run: NODE_KILL and NODE_REVIVE do not say how"
		return nil
	}
	node, err := other(ctx)
	if err == nil {
		err = spreadAnew(ctx)
	}
	if err != nil {
		return err
	}
	t, err := r.start(ctx, "kill-node", clients, pause)
	if err != nil {
		return err
	}
	wait(ctx, around)
	killed := t.Elapsed()
	err = command(ctx, kill, node)
	began := time.Now()
	err = errors.Join(err, until(ctx, 3*time.Minute, "the cluster to notice", func() (bool, error) {
		text, err := kubectl(ctx, "get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		return text != "True", err
	}))
	res.Data["killed_at"], res.Data["noticed_after_seconds"] = killed.Seconds(), time.Since(began).Seconds()
	noticed := time.Since(began)
	err = errors.Join(err, t.calm(ctx, 20*time.Second, 4*time.Minute), settled(ctx))
	res.Data["whole_after_seconds"] = time.Since(began).Seconds()
	res.Data["revived_at"] = t.Elapsed().Seconds()
	err = errors.Join(err, command(ctx, revive, node), each(ctx, "wait --for=condition=Ready node/"+node+" --timeout=120s"))
	wait(ctx, 2*around)
	res.Figure = fmt.Sprintf("noticed after %.0f s, two pods of each elsewhere after %.0f s: ", noticed.Seconds(), res.Data["whole_after_seconds"])
	return errors.Join(err, t.end(ctx, res, true))
}

// command runs what the environment says, with the node's name after it.
func command(ctx context.Context, line, node string) error {
	out, err := exec.CommandContext(ctx, "sh", "-c", line+" "+node).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", line, node, err, strings.TrimSpace(string(out)))
	}
	return nil
}
