package rest

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

func (h handler) readStatement(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	write, contentType, err := statementFormat(r.Header.Get("Accept"))
	if err != nil {
		return httpserver.Reply{}, err
	}
	q, err := httpserver.ReadQuery(r, "from", "to")
	if err != nil {
		return httpserver.Reply{}, err
	}
	p, err := period(q)
	if err != nil {
		return httpserver.Reply{}, err
	}
	s, err := h.app.OpenStatement(r.Context(), owner, id, p)
	if err != nil {
		return httpserver.Reply{}, err
	}
	return httpserver.Reply{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {contentType}},
		Stream: func(ctx context.Context, w io.Writer) error { return write(ctx, w, s) },
	}, nil
}

type statementWriter func(context.Context, io.Writer, *app.Statement) error

// statementFormat picks JSON or CSV, whichever Accept names first; JSON when anything goes.
func statementFormat(accept string) (statementWriter, string, error) {
	if accept == "" {
		accept = "*/*"
	}
	for wanted := range strings.SplitSeq(accept, ",") {
		mediaType, _, _ := mime.ParseMediaType(wanted)
		switch mediaType {
		case "application/json", "application/*", "*/*":
			return writeJSON, "application/json", nil
		case "text/csv", "text/*":
			return writeCSV, "text/csv; charset=utf-8; header=present", nil
		}
	}
	return nil, "", problem.New(http.StatusNotAcceptable, "not_acceptable", "a statement is application/json or text/csv")
}

// writeJSON streams the members in order, the closing balance last: a statement that breaks off
// is not valid JSON.
func writeJSON(ctx context.Context, out io.Writer, s *app.Statement) error {
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	head, err := json.Marshal(struct {
		WalletID domain.WalletID `json:"wallet_id"`
		Currency money.Currency  `json:"currency"`
		From     string          `json:"from"`
		To       string          `json:"to"`
		Opening  money.Money     `json:"opening_balance"`
	}{s.Wallet.ID, s.Opening.Currency, timestamp(s.Period.From), timestamp(s.Period.To), s.Opening})
	if err != nil {
		return err
	}
	_, _ = w.Write(head[:len(head)-1]) // a bufio.Writer keeps its error for Flush
	_, _ = w.WriteString(`,"entries":[`)
	comma := ""
	closing, err := s.Each(ctx, func(e domain.Entry) error {
		_, _ = w.WriteString(comma)
		comma = ","
		return enc.Encode(bodyOfEntry(e))
	})
	if err != nil {
		return err
	}
	_, _ = w.WriteString(`],"closing_balance":`)
	if err := enc.Encode(closing); err != nil {
		return err
	}
	_, _ = w.WriteString("}\n")
	return w.Flush()
}

// writeCSV streams one row an entry between an opening and a closing row. Amounts are in major
// units, as spreadsheets want them.
func writeCSV(ctx context.Context, out io.Writer, s *app.Statement) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true // RFC 4180
	_ = w.Write([]string{"time", "kind", "transfer_id", "counterparty", "description", "amount", "balance", "currency"})
	bare := func(at, kind string, balance money.Money) error {
		return w.Write([]string{at, kind, "", "", "", "", balance.Decimal(), string(balance.Currency)})
	}
	_ = bare(timestamp(s.Period.From), "opening", s.Opening)
	closing, err := s.Each(ctx, func(e domain.Entry) error {
		return w.Write([]string{
			timestamp(e.CreatedAt), string(e.Kind), string(e.Transfer), string(e.Counterparty.Wallet) + e.Counterparty.Provider,
			cell(e.Description), e.Amount.Decimal(), e.BalanceAfter.Decimal(), string(e.Amount.Currency),
		})
	})
	if err != nil {
		return err
	}
	_ = bare(timestamp(s.Period.To), "closing", closing)
	w.Flush()
	return w.Error()
}

// cell keeps a spreadsheet from running somebody's description as a formula.
// Source: OWASP, CSV Injection.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
