package mailfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/micropay/micropay/auth/ports"
)

const (
	plainText = "text/plain; charset=utf-8"
	richText  = "text/html; charset=utf-8"
)

// encode writes a message as it lies in the folder: plain, or in both forms as
// multipart/alternative, whose best part is the last (RFC 2046, 5.1.4).
func encode(message ports.Mail, date time.Time) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "Date: %s\r\nFrom: MicroPay <no-reply@micropay.invalid>\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\n",
		date.Format(time.RFC1123Z), message.To, mime.QEncoding.Encode("utf-8", message.Subject))
	if message.HTML == "" {
		text := strings.ReplaceAll(strings.ReplaceAll(message.Text, "\r\n", "\n"), "\n", "\r\n")
		fmt.Fprintf(&out, "Content-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s", plainText, text)
		return out.Bytes()
	}
	parts := multipart.NewWriter(&out)
	fmt.Fprintf(&out, "Content-Type: multipart/alternative; boundary=%s\r\n\r\n", parts.Boundary())
	for _, form := range [][2]string{{plainText, message.Text}, {richText, message.HTML}} {
		// A buffer takes everything; what is quoted has no line too long for mail.
		part, _ := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {form[0]}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		quoted := quotedprintable.NewWriter(part)
		_, _ = quoted.Write([]byte(form[1]))
		_ = quoted.Close()
	}
	_ = parts.Close()
	return out.Bytes()
}

// decode reads what encode wrote; ID is left to the caller.
func decode(content io.Reader) (Letter, error) {
	message, err := mail.ReadMessage(content)
	if err != nil {
		return Letter{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return Letter{}, err
	}
	letter := Letter{Date: message.Header.Get("Date"), To: message.Header.Get("To"), Subject: subject}
	kind, parameters, _ := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if kind != "multipart/alternative" {
		letter.Text, err = read(message.Body)
		return letter, err
	}
	for parts := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart() // which undoes the quoting
		if errors.Is(err, io.EOF) {
			return letter, nil
		} else if err != nil {
			return Letter{}, err
		}
		form := &letter.Text
		if part.Header.Get("Content-Type") == richText {
			form = &letter.HTML
		}
		if *form, err = read(part); err != nil {
			return Letter{}, err
		}
	}
}

func read(body io.Reader) (string, error) {
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
