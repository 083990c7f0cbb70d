// Command reach says which of its arguments it reaches: host:port by a connection, http://... by an
// answer. One JSON object for all, on one line. PATIENCE (a Go duration) is for how long it tries.
package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	patience, _ := time.ParseDuration(os.Getenv("PATIENCE"))
	reached := map[string]string{}
	for _, target := range os.Args[1:] {
		end := time.Now().Add(patience)
		how := try(target)
		for how == "" && time.Now().Before(end) {
			time.Sleep(200 * time.Millisecond)
			how = try(target)
		}
		reached[target] = how
	}
	_ = json.NewEncoder(os.Stdout).Encode(reached)
}

// try says how the target answered, nothing if it did not.
func try(target string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if !strings.HasPrefix(target, "http://") {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", target)
		if err != nil {
			return ""
		}
		_ = c.Close()
		return "connected"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Status
}
