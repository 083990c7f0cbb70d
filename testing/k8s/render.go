package k8s

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
)

// Render makes the manifests of a kustomize directory, by kubectl.
func Render(ctx context.Context, dir string) ([]byte, error) {
	var out, fault bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", "kustomize", dir)
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("kubectl kustomize %s: %w: %s", dir, err, fault.String())
	}
	return out.Bytes(), nil
}
