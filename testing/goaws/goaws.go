// Package goaws gives tests an SNS and SQS in this process: goaws, which is written in Go. Where it
// differs from AWS it is put right here, but for one thing: it does not count how often a message
// was received.
package goaws

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Admiral-Piett/goaws/app/gosqs"
	"github.com/Admiral-Piett/goaws/app/interfaces"
	"github.com/Admiral-Piett/goaws/app/models"
	"github.com/Admiral-Piett/goaws/app/router"
	"github.com/Admiral-Piett/goaws/app/utils"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/sirupsen/logrus"

	"github.com/micropay/micropay/testing/moto"
)

// Server is a goaws that runs.
type Server struct{ URL string }

// New is the server of this process: goaws keeps its queues in variables of its package, so there
// is one for all tests.
func New(t testing.TB) *Server {
	t.Helper()
	return shared()
}

// AWSConfig is what clients of it are made of.
func (s *Server) AWSConfig() aws.Config { return moto.ConfigOf(s.URL) }

var shared = sync.OnceValue(func() *Server {
	logrus.SetOutput(io.Discard)
	utils.REQUEST_TRANSFORMER = wholeBatches
	s := httptest.NewServer(&oneByOne{to: router.New()})
	models.CurrentEnvironment.AccountID, models.CurrentEnvironment.Region = moto.Account, moto.Region
	host, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	models.CurrentEnvironment.Host, models.CurrentEnvironment.Port = host, port
	go gosqs.PeriodicTasks(20*time.Millisecond, make(chan bool)) // as long as the process
	return &Server{URL: s.URL}
})

// wholeBatches lets a batch have ten entries: goaws counts one more than there are.
func wholeBatches(into interfaces.AbstractRequestBody, r *http.Request, emptyIsFine bool) bool {
	ok := utils.TransformRequest(into, r, emptyIsFine)
	if batch, is := into.(*models.PublishBatchRequest); is {
		batch.PublishBatchRequestEntries.Member = slices.DeleteFunc(batch.PublishBatchRequestEntries.Member,
			func(e *models.PublishBatchRequestEntry) bool { return e == nil })
	}
	return ok
}

// oneByOne lets one call in at a time, since goaws guards not all that it shares. A long poll is
// asked again and again, so that it holds up nobody.
type oneByOne struct {
	mu sync.Mutex
	to http.Handler
}

func (o *oneByOne) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	wait := time.Duration(0)
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ReceiveMessage") {
		body, wait = withoutWait(body)
	}
	for deadline := time.Now().Add(wait); ; {
		answer := o.ask(r, body)
		if !time.Now().Before(deadline) || bytes.Contains(answer.Body.Bytes(), []byte("ReceiptHandle")) || answer.Code != http.StatusOK {
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (o *oneByOne) ask(r *http.Request, body []byte) *httptest.ResponseRecorder {
	o.mu.Lock()
	defer o.mu.Unlock()
	answer := httptest.NewRecorder()
	again := r.Clone(context.WithoutCancel(r.Context()))
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	o.to.ServeHTTP(answer, again)
	if answer.Code == http.StatusNotFound && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteMessage") {
		answer = httptest.NewRecorder() // to delete twice is no error
		_, _ = answer.WriteString("{}")
	}
	return answer
}

func withoutWait(body []byte) ([]byte, time.Duration) {
	var asked map[string]any
	if json.Unmarshal(body, &asked) != nil {
		return body, 0
	}
	seconds, _ := asked["WaitTimeSeconds"].(float64)
	delete(asked, "WaitTimeSeconds")
	body, _ = json.Marshal(asked)
	return body, time.Duration(seconds) * time.Second
}
