package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// scale is what an autoscaler knew at a time, as a line.
type scale struct {
	At      float64 `json:"at"` // seconds
	Service string  `json:"service"`
	Pods    int     `json:"pods"` // wanted
	Ready   int     `json:"ready"`
	CPU     int     `json:"cpu_percent"` // of what the pods requested
	Load    bool    `json:"load"`
}

// More load than the others, and how long at most until pods come and go.
const (
	heavyClients = 24
	heavyPause   = 40 * time.Millisecond
	upWithin     = 3 * time.Minute
	downWithin   = 6 * time.Minute
)

func autoscaling(ctx context.Context, r *run, res *result) (err error) {
	file, err := os.Create(filepath.Join(r.dir, "autoscaling-pods.jsonl"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	began := time.Now()
	most := map[string]int{}
	var loaded bool
	sample := func() (now map[string]int, err error) {
		now = map[string]int{}
		for _, name := range []string{"auth", "transaction"} {
			s, err := scaleOf(ctx, name)
			if err != nil {
				return now, err
			}
			s.At, s.Load = time.Since(began).Seconds(), loaded
			if err := json.NewEncoder(file).Encode(s); err != nil {
				return now, err
			}
			now[name], most[name] = s.Pods, max(most[name], s.Pods)
		}
		wait(ctx, 2500*time.Millisecond)
		return now, nil
	}
	if err := until(ctx, downWithin, "the least number of pods", func() (bool, error) {
		now, err := sample()
		return now["auth"] == 2 && now["transaction"] == 2, err
	}); err != nil {
		return err
	}
	t, err := r.start(ctx, "autoscaling", heavyClients, heavyPause)
	if err != nil {
		return err
	}
	loaded = true
	from := time.Since(began)
	grown := until(ctx, upWithin, "more pods", func() (bool, error) {
		now, err := sample()
		return (now["transaction"] > 2 || now["auth"] > 2) && time.Since(began)-from > 75*time.Second, err
	})
	loaded = false
	endErr := t.end(ctx, res, false)
	stopped := time.Since(began)
	fell := until(ctx, downWithin, "the pods to go", func() (bool, error) {
		now, err := sample()
		return now["auth"] == 2 && now["transaction"] == 2, err
	})
	res.Data["most_pods"] = most
	res.Figure = fmt.Sprintf("transaction 2 to %d pods, auth 2 to %d, back to 2 within %.0f s of calm: ", most["transaction"], most["auth"], (time.Since(began)-stopped).Seconds()) + res.Figure
	return errors.Join(grown, endErr, fell)
}

func scaleOf(ctx context.Context, name string) (scale, error) {
	text, err := kubectl(ctx, "-n", namespace, "get", "hpa", name, "-o", "json")
	if err != nil {
		return scale{}, err
	}
	var h struct {
		Status struct {
			DesiredReplicas int
			CurrentMetrics  []struct {
				Resource *struct {
					Current struct{ AverageUtilization int }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return scale{}, err
	}
	s := scale{Service: name, Pods: h.Status.DesiredReplicas}
	for _, m := range h.Status.CurrentMetrics {
		if m.Resource != nil {
			s.CPU = m.Resource.Current.AverageUtilization
		}
	}
	s.Ready, err = ready(ctx, name)
	return s, err
}
