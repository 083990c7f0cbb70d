package k8s_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/k8s"
)

const service = `apiVersion: v1
kind: Service
metadata: {name: auth}
spec: {ports: [{port: 8000}]}
`

func TestDecode_WhatTheAPIDoesNotKnow_IsRefused(t *testing.T) {
	t.Parallel()
	objects, err := k8s.Decode([]byte("# a comment alone\n---\n" + service + "---\n"))
	require.NoError(t, err)
	require.Len(t, objects, 1)

	for name, text := range map[string]string{
		`unknown field "spec.prots"`:           strings.Replace(service, "ports", "prots", 1),
		`unknown field "spec.ports[0].nodePrt`: strings.Replace(service, "port: 8000", "port: 8000, nodePrt: 1", 1),
		"already set":                          service + "kind: Service\n",
		"cannot unmarshal":                     strings.Replace(service, "8000", "many", 1),
		`no kind "Servant"`:                    strings.Replace(service, "kind: Service", "kind: Servant", 1),
		"ExternalSecret/x":                     "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: x}\nspec: {secretStore: y}\n",
		`"spec.endpoint"`:                      "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: x}\nspec: {endpoint: y}\n",
	} {
		_, err := k8s.Decode([]byte(text))
		require.ErrorContains(t, err, name)
	}
}
