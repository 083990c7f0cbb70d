package moto

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/micropay/micropay/testing/engine"
)

const image = "motoserver/moto:5"

// choose finds or starts the moto that the variable's value asks for.
func choose(ctx context.Context, want string) (*Server, error) {
	switch {
	case want == "docker":
		return container(ctx)
	case want == "local":
		return local(ctx)
	case want == "auto":
		s, err := local(ctx)
		if err == nil {
			return s, nil
		}
		c, why := container(ctx)
		if why != nil {
			return nil, errors.Join(err, why)
		}
		return c, nil
	case strings.HasPrefix(want, "http://"):
		return &Server{URL: strings.TrimSuffix(want, "/"), How: "the one at " + want}, nil
	}
	return nil, fmt.Errorf("%s is none of auto, docker, local or the address of a moto", Variable)
}

// local starts the program moto_server as a child that ends with this process.
func local(ctx context.Context) (*Server, error) {
	program, err := exec.LookPath("moto_server")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	err = engine.Leash(exec.Command("/bin/sh", "-c", `"$@" </dev/null >/dev/null 2>&1 & trap '' HUP INT TERM QUIT; cat >/dev/null; kill $!`,
		"sh", program, "-H", "127.0.0.1", "-p", port))
	return &Server{URL: "http://127.0.0.1:" + port, How: program}, err
}

func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

func container(ctx context.Context) (*Server, error) {
	c, err := engine.Run(ctx, image,
		testcontainers.WithExposedPorts("5000/tcp"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/moto-api/").WithPort("5000/tcp").WithStatusCodeMatcher(func(code int) bool { return code == http.StatusOK })),
	)
	if err != nil {
		return nil, err
	}
	url, err := c.PortEndpoint(ctx, "5000/tcp", "http")
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(c))
	}
	return &Server{URL: url, How: "a container of " + image}, nil
}
