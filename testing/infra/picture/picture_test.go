package picture_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra/picture"
)

const docs = "../../../docs/"

func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(docs + "architecture.picture")
	require.NoError(t, err)
	return string(text)
}

func TestPicture_IsCurrent(t *testing.T) {
	t.Parallel()
	svg, err := picture.Draw(source(t))
	require.NoError(t, err)
	want, err := os.ReadFile(docs + "architecture.svg")
	require.NoError(t, err)
	require.Equal(t, string(want), svg, "make picture draws it anew")
}

func TestPicture_NamesWhatThereIs(t *testing.T) {
	t.Parallel()
	svg, err := picture.Draw(source(t))
	require.NoError(t, err)
	for _, name := range []string{
		"micropay-vpc", "public subnets", "private subnets", "data subnets", "micropay-eks-microservices", "micropay-api-gateway",
		"micropay-vpc-link", "micropay-cognito", "micropay-sns", "micropay-rds-pgdb", "SQS", "SES", "Cloud Map", "Stripe", "PayPal",
		"ECR", "Secrets Manager", "CloudWatch", "NAT",
	} {
		require.Contains(t, svg, name)
	}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
}

func TestDraw_WhatCannotBeRead_IsRefused(t *testing.T) {
	t.Parallel()
	const size = "size 400 200\n"
	for want, text := range map[string]string{
		"no size":           "box a 0 0 200 50 svc A",
		"not a number":      size + "box a x 0 200 50 svc A",
		"too few words":     size + "box a 0 0",
		"unknown colour":    size + "box a 0 0 200 50 pink A",
		"unknown word":      size + "circle a 0 0 200 50 svc A",
		"is there twice":    size + "box a 0 0 90 50 svc A\nbox a 100 0 90 50 svc A",
		"nothing named b":   size + "box a 0 0 90 50 svc A\narrow a.left b.right",
		"no side":           size + "box a 0 0 90 50 svc A\nbox b 100 0 90 50 svc B\narrow a.middle b.left",
		"overlaps":          size + "box a 0 0 90 50 svc A\nbox b 50 10 90 50 svc B",
		"is wider than its": size + "box a 0 0 60 50 svc A very long title",
		"is higher":         size + "box a 0 0 90 30 svc A | b | c",
		"outside":           size + "box a 350 0 90 50 svc A",
		"runs through c":    size + "box a 0 0 90 50 svc A\nbox c 120 0 90 50 svc C\nbox b 300 0 90 50 svc B\narrow a.right b.left",
	} {
		_, err := picture.Draw(text)
		require.ErrorContains(t, err, want)
	}
}

func TestDraw_AnArrowThroughTheTitleOfAFrame_IsRefused(t *testing.T) {
	t.Parallel()
	const shapes = "size 400 300\nframe f 20 100 360 180 vpc A place that holds others\nbox a 20 10 90 50 svc A\nbox b 40 200 90 50 svc B\n"
	_, err := picture.Draw(shapes + "arrow a.bottom b.top")
	require.ErrorContains(t, err, "runs through the title of f")
	_, err = picture.Draw(shapes + "box c 260 10 90 50 svc C\narrow c.bottom b.top @150")
	require.NoError(t, err)
}
