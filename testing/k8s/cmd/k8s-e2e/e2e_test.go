package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cluster puts a kubectl in front of the true one, which answers by the words it is asked with: the first
// pattern of a shell's case that fits. It returns what was asked.
func cluster(t *testing.T, answers ...[2]string) (asked func() string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$*\" >>" + dir + "/asked\ncase \"$*\" in\n"
	for i, a := range answers {
		file := filepath.Join(dir, string(rune('a'+i)))
		require.NoError(t, os.WriteFile(file, []byte(a[1]), 0o600))
		script += a[0] + ") cat " + file + "; [ ! -e " + file + ".fails ];;\n"
		if strings.HasPrefix(a[1], "error: ") {
			require.NoError(t, os.WriteFile(file+".fails", nil, 0o600))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte(script+"esac\n"), 0o700)) //nolint:gosec // it is run
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		text, err := os.ReadFile(filepath.Join(dir, "asked"))
		require.NoError(t, err)
		return string(text)
	}
}

const twoPods = `{"items": [
	{"metadata": {"name": "one"}, "spec": {"nodeName": "n1"}, "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}},
	{"metadata": {"name": "two", "deletionTimestamp": "now"}, "spec": {"nodeName": "n2"}, "status": {"podIP": "10.0.0.2", "conditions": [{"type": "Ready", "status": "True"}]}},
	{"metadata": {"name": "three"}, "spec": {"nodeName": "n2"}, "status": {"podIP": "10.0.0.3", "conditions": [{"type": "Ready", "status": "False"}]}}]}`

func TestPods_OneThatEndsIsNotReady(t *testing.T) {
	cluster(t, [2]string{`*"get pods"*`, twoPods})
	all, err := pods(t.Context(), namespace, "x=y")
	require.NoError(t, err)
	require.Equal(t, []pod{
		{Name: "one", Node: "n1", IP: "10.0.0.1", Ready: true}, {Name: "two", Node: "n2", IP: "10.0.0.2", Ending: true}, {Name: "three", Node: "n2", IP: "10.0.0.3"},
	}, all)
	n, err := ready(t.Context(), "auth")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestKubectl_WhatFailsIsNamed(t *testing.T) {
	cluster(t, [2]string{`"get nodes"`, "error: "}, [2]string{`*"get pods"*`, "{"})
	require.ErrorContains(t, each(t.Context(), "version", "get nodes", "never asked"), "kubectl get nodes")
	_, err := ready(t.Context(), "auth")
	require.Error(t, err, "half an answer is none")
}

func TestAudit_AViolationIsAFailure(t *testing.T) {
	for says, good := range map[string]bool{
		"7 accounts, 8 transfers, 16 entries: 0 violations": true, "7 accounts, 8 transfers, 16 entries: 10 violations": false, "": false, "error: gone": false,
	} {
		asked := cluster(t, [2]string{`*logs*`, says})
		report, err := audit(t.Context())
		require.Equal(t, good, err == nil, "%q: %v", says, err)
		require.Equal(t, says, report)
		require.Contains(t, asked(), "delete job audit-")
	}
}

func TestStorage_IsMadeWhereThereIsNone(t *testing.T) {
	asked := cluster(t, [2]string{`*storageclass*`, "true"})
	require.NoError(t, storage(t.Context(), "n1"))
	require.NotContains(t, asked(), "label")
	asked = cluster(t, [2]string{`*"get pv"*`, "error: not found"})
	require.NoError(t, storage(t.Context(), "n1"))
	require.Contains(t, asked(), "label node n1 micropay/database=true")
}

// strays answers for pods that try to reach things, and for a friend.
func strays(t *testing.T, reached, friend string) (*result, error) {
	t.Helper()
	cluster(t, [2]string{`*"logs friend"`, friend}, [2]string{`*logs*`, reached}, [2]string{`*"get pods"*`, twoPods})
	ingress := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(ingress.Close)
	res := &result{Data: map[string]any{}}
	return res, stray(t.Context(), &run{url: ingress.URL}, res)
}

func TestStray_OneThatGetsThrough_IsAFailure(t *testing.T) {
	const may, nowhere = `{"postgres:5432": "open"}`, `{"10.0.0.1:5432": "", "auth.micropay:8001": ""}`
	res, err := strays(t, nowhere, may)
	require.NoError(t, err)
	require.Contains(t, res.Figure, "0 of 6 tries")
	require.Contains(t, res.Figure, "45 paths")

	res, err = strays(t, `{"10.0.0.1:5432": "open"}`, may)
	require.ErrorContains(t, err, "reached 10.0.0.1:5432: open")
	require.Empty(t, res.Figure)
	_, err = strays(t, nowhere, `{"postgres:5432": ""}`)
	require.ErrorContains(t, err, "even a pod that may does not reach postgres:5432")
	_, err = strays(t, "nothing that can be read", may)
	require.Error(t, err)
}

func TestWaysPastTheIngress_AnyAnswerFromTheInsideIsAFailure(t *testing.T) {
	for name, inside := range map[string]http.HandlerFunc{
		"it leads there": func(http.ResponseWriter, *http.Request) {},
		"metrics in an error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "http_requests_total 1", http.StatusNotFound)
		},
	} {
		ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.RequestURI, "..%2f") { // as it was sent, not tidied
				inside(w, r)
				return
			}
			http.NotFound(w, r)
		}))
		answers, err := waysPastTheIngress(t.Context(), ingress.URL)
		ingress.Close()
		require.ErrorContains(t, err, "/auth/..%2fmetrics", name)
		require.NotContains(t, err.Error(), "/auth/metrics", name)
		require.Len(t, answers, 45)
	}
	_, err := waysPastTheIngress(t.Context(), "http://127.0.0.1:1")
	require.Error(t, err, "no answer proves nothing")
}

func TestUntil_GivesUpAndSaysOnWhat(t *testing.T) {
	tries := 0
	require.NoError(t, until(t.Context(), time.Minute, "luck", func() (bool, error) { tries++; return tries > 1, nil }))
	err := until(t.Context(), 0, "luck", func() (bool, error) { return false, errors.New("none") })
	require.ErrorContains(t, err, "gave up waiting for luck")
	require.ErrorContains(t, err, "none")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, until(ctx, time.Minute, "luck", func() (bool, error) { return false, nil }), context.Canceled)
}

// A step that is run again alone takes its own place, and the record of the others stays.
func TestRecord_OfARunOfSomeSteps_KeepsTheOthers(t *testing.T) {
	r := &run{dir: t.TempDir()}
	require.Empty(t, r.before("3"), "there is none yet")
	for _, s := range steps {
		r.record.keep(result{Step: s.number, Name: s.name, OK: s.number != "3"})
	}
	require.NoError(t, r.save())
	again := &run{dir: r.dir}
	require.Empty(t, again.before(""), "a whole run begins anew")
	again.record.Steps = again.before("3")
	again.record.keep(result{Step: "3", Name: steps[3].name, OK: true})
	require.Len(t, again.record.Steps, len(steps))
	for i, res := range again.record.Steps {
		require.Equal(t, steps[i].name, res.Name)
		require.True(t, res.OK)
	}
}

func TestRunAll_WithoutACluster_SaysWhatIsMissing(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	require.ErrorContains(t, runAll(t.Context(), true, "", ""), "KUBECONFIG and INGRESS_URL")
}
