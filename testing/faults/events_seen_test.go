package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/micropay/micropay/shared/events"
)

// heardOnTopic is the events that SNS took, in its order, each as often as it came.
type heardOnTopic struct {
	mu    sync.Mutex
	heard []events.Event
}

func (h *heardOnTopic) hear(request, _ []byte) {
	form, _ := url.ParseQuery(string(request))
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := 1; ; n++ {
		body := form.Get(fmt.Sprintf("PublishBatchRequestEntries.member.%d.Message", n))
		if body == "" {
			return
		}
		e, err := events.Parse([]byte(body))
		if err != nil {
			panic(err)
		}
		h.heard = append(h.heard, e)
	}
}

func (h *heardOnTopic) events() []events.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]events.Event(nil), h.heard...)
}

// mailbox is SES, which takes every mail.
type mailbox struct {
	mu    sync.Mutex
	mails []mailed
}

type mailed struct{ to, subject, text, html, raw string }

var reference = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var m struct {
		Destination struct{ ToAddresses, CcAddresses, BccAddresses []string }
		Content     struct {
			Simple struct {
				Subject struct{ Data string }
				Body    struct{ Text, Html struct{ Data string } } //nolint:revive // as SES spells it
			}
		}
	}
	_ = json.Unmarshal(raw, &m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, mailed{
		strings.Join(append(append(m.Destination.ToAddresses, m.Destination.CcAddresses...), m.Destination.BccAddresses...), ","),
		m.Content.Simple.Subject.Data, m.Content.Simple.Body.Text.Data, m.Content.Simple.Body.Html.Data, string(raw),
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"MessageId":"m"}`)
}

func (b *mailbox) all() []mailed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]mailed(nil), b.mails...)
}

// about is how many letters somebody got about a transfer.
func (b *mailbox) about(who person, id string) (n int) {
	for _, m := range b.all() {
		if m.to == who.email && reference.FindString(m.text) == id {
			n++
		}
	}
	return n
}

// logs is what all services write.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines of the log that hold all the texts.
func (l *logs) lines(texts ...string) (found []string) {
next:
	for line := range strings.SplitSeq(l.String(), "\n") {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}
