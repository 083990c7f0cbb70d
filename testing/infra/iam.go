package infra

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// prefixes are the names by which IAM knows the services whose clients code uses.
var prefixes = map[string]string{
	"cognitoidentityprovider": "cognito-idp",
	"servicediscovery":        "servicediscovery",
	"sesv2":                   "ses",
	"sns":                     "sns",
	"sqs":                     "sqs",
	"sts":                     "sts",
}

// asked are calls that IAM judges under another name, or, as "", not at all
// (docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html and
// docs.aws.amazon.com/cognito/latest/developerguide/user-pools-API-operations.html).
var asked = map[string]string{
	"sns:PublishBatch":                      "sns:Publish",
	"cognito-idp:ChangePassword":            "",
	"cognito-idp:ConfirmForgotPassword":     "",
	"cognito-idp:ConfirmSignUp":             "",
	"cognito-idp:ForgotPassword":            "",
	"cognito-idp:GetTokensFromRefreshToken": "",
	"cognito-idp:ResendConfirmationCode":    "",
	"cognito-idp:RevokeToken":               "",
	"cognito-idp:SignUp":                    "",
}

const sdk = "github.com/aws/aws-sdk-go-v2/service/"

// CalledActions are the IAM actions that the Go code in these folders needs, sorted: every input of
// a call to AWS that it makes, tests left out.
func CalledActions(dirs ...string) ([]string, error) {
	found := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			return callsIn(name, found)
		})
		if err != nil {
			return nil, err
		}
	}
	return sorted(found), nil
}

func callsIn(name string, found map[string]bool) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	services := map[string]string{} // by the name of the import
	for _, imported := range file.Imports {
		where, _ := strconv.Unquote(imported.Path.Value)
		service, ours := strings.CutPrefix(where, sdk)
		if !ours || strings.Contains(service, "/") {
			continue
		}
		as := path.Base(where)
		if imported.Name != nil {
			as = imported.Name.Name
		}
		if prefixes[service] == "" {
			return fmt.Errorf("%s calls %s, whose IAM actions are not known here", name, service)
		}
		services[as] = prefixes[service]
	}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, _ := n.(*ast.CompositeLit)
		if literal == nil {
			return true
		}
		selector, _ := literal.Type.(*ast.SelectorExpr)
		if selector == nil {
			return true
		}
		of, _ := selector.X.(*ast.Ident)
		if of == nil || services[of.Name] == "" {
			return true
		}
		if call, isInput := strings.CutSuffix(selector.Sel.Name, "Input"); isInput {
			action := services[of.Name] + ":" + call
			if other, differs := asked[action]; differs {
				action = other
			}
			if action != "" {
				found[action] = true
			}
		}
		return true
	})
	return nil
}

// Statement is a rule of a policy.
type Statement struct {
	Where     string // layer/resource
	Effect    string
	Actions   []string
	Resources []any
	Principal any
	Condition any
}

// Statements are those of all policies within a resource.
func (r Resource) Statements() []Statement {
	var all []Statement
	var walk func(any)
	walk = func(value any) {
		switch x := value.(type) {
		case map[string]any:
			if effect, ok := x["Effect"].(string); ok {
				all = append(all, Statement{
					Where: r.Layer + "/" + r.Name, Effect: effect, Actions: texts(x["Action"]),
					Resources: list(x["Resource"]), Principal: x["Principal"], Condition: x["Condition"],
				})
				return
			}
			for _, k := range sorted(x) {
				walk(x[k])
			}
		case []any:
			for _, item := range x {
				walk(item)
			}
		}
	}
	walk(r.Properties)
	return all
}

func list(value any) []any {
	if many, ok := value.([]any); ok {
		return many
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

func texts(value any) []string {
	var all []string
	for _, item := range list(value) {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
