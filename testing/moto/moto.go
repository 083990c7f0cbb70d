// Package moto gives tests an AWS that speaks its real protocols: moto
// (https://docs.getmoto.org), one server with Cognito, SNS, SQS, SES v2, Cloud Map and
// CloudFormation.
//
// It is Python, so `make test-cover` does without it; `make test-providers` asks for it by the
// variable MICROPAY_TEST_PROVIDERS and fails where it cannot be had. One server serves all tests
// of a package: each makes its own pools, topics and queues, and nobody resets it.
package moto

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Variable asks for the tests that need moto: "auto", "docker", "local", or the address of a moto
// that runs.
const Variable = "MICROPAY_TEST_PROVIDERS"

// Region is that of all clients.
const Region = "us-east-1"

// Account is the id of the account that everything belongs to.
const Account = "123456789012"

// Server is a moto that runs.
type Server struct {
	URL string // http://127.0.0.1:5000
	How string // where it comes from, in words
}

// New is the server of this package's tests. Without the variable the test is skipped, and says
// what runs it; with it, a moto that cannot be had is a failure.
func New(t testing.TB) *Server {
	t.Helper()
	want := os.Getenv(Variable)
	if want == "" {
		t.Skip("needs moto: make test-providers runs it")
	}
	s, err := shared()
	if err != nil {
		t.Fatalf("moto cannot be had for this suite: %v\n(pip install 'moto[server]', or a Docker engine with %s)", err, image)
	}
	return s
}

var shared = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := choose(ctx, os.Getenv(Variable))
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintln(os.Stderr, "moto: "+s.How)
	return s, s.answers(ctx)
})

// AWSConfig is what clients of it are made of.
func (s *Server) AWSConfig() aws.Config { return ConfigOf(s.URL) }

// ConfigOf is for clients of any AWS endpoint that takes every credential.
func ConfigOf(url string) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{},
	}
}

// answers waits until the server answers.
func (s *Server) answers(ctx context.Context) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/moto-api/", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("moto does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
