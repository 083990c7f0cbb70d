package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

var policy = domain.PasswordPolicy{MinLength: domain.DefaultMinPasswordLength}

func TestPasswordPolicy_CountsCharactersNotBytes(t *testing.T) {
	t.Parallel()
	long := "tw0 boats, one river; " + strings.Repeat("é水🚣", 40)
	for name, c := range map[string]struct{ password, code string }{
		"14 characters":      {"vexed zebu hum", "too_short"},
		"14 of four bytes":   {"🚣🌊🌙🦓🍇🎻🧭🪁🐙🌵🛶🏔🧵🎲", "too_short"},
		"15 characters":      {"vexed zebu hums", ""},
		"15 of four bytes":   {"🚣🌊🌙🦓🍇🎻🧭🪁🐙🌵🛶🏔🧵🎲🪵", ""},
		"128 characters":     {string([]rune(long)[:128]), ""},
		"129 characters":     {string([]rune(long)[:129]), "too_long"},
		"empty":              {"", "too_short"},
		"letters only":       {"umbrellastandnorth", ""},
		"spaces are counted": {"to be or not to", ""},
		"not UTF-8":          {"vexed zebu hums \xff", "not_text"},
		"a control mark":     {"vexed zebu hums\x00", "not_text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := policy.Check("password", c.password)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			requireFault(t, err, "password", c.code)
		})
	}
	require.NoError(t, domain.PasswordPolicy{MinLength: 8}.Check("password", "zebuhum7"), "the minimum is configurable")
}

func TestPasswordPolicy_RefusesCommonPasswordsInAnyCase(t *testing.T) {
	t.Parallel()
	short := domain.PasswordPolicy{MinLength: domain.LeastMinPasswordLength}
	require.GreaterOrEqual(t, domain.CommonPasswords(), 3000)
	for _, common := range []string{"password", "PassWord", "baseball", "TrustNo1", "correcthorsebatterystaple", "Manchesterunited"} {
		requireFault(t, short.Check("password", common), "password", "too_common")
	}
	require.NoError(t, short.Check("password", "password of a kind"), "only whole passwords are compared, not parts")
}

// Fifteen characters are no hurdle if they may be a common password written twice.
func TestPasswordPolicy_RefusesTrivialLengthening(t *testing.T) {
	t.Parallel()
	for name, password := range map[string]string{
		"one character":            "aaaaaaaaaaaaaaaaaa",
		"a short piece over again": "xK7xK7xK7xK7xK7xK7",
		"cut repetition":           "secretsecretsec",
		"ascending":                "cdefghijklmnopqrs",
		"descending":               "zyxwvutsrqponmlkjihg",
		"two common ones":          "Password123456789",
		"common with a space":      "sunshine football1",
		"common, dashed":           "princess-qwertyuiop",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, policy.Check("password", password), "password", "too_common")
		})
	}
	for _, password := range []string{"password of three oxen", "sunshine on granite!", "xK7xK7xK7-ABCDEF-q"} {
		require.NoError(t, policy.Check("password", password), password)
	}
}

func TestPasswordPolicy_RefusesWhatAnybodyKnowsOfThePerson(t *testing.T) {
	t.Parallel()
	personal := []string{"annabel.lee@example.com", "Annabel Lee"}
	for name, password := range map[string]string{
		"the address":             "Annabel.Lee@Example.com",
		"the address twice":       "annabel.lee@example.comannabel.lee@example.com",
		"the name and the number": "Annabel Lee 123456",
		"the local part padded":   "annabel.lee.1984",
		"this service":            "MicroPay MicroPay",
		"this service, a number":  "micropay12345678",
		"name and service":        "annabel.lee-micropay",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, policy.Check("new_password", password, personal...), "new_password", "too_personal")
		})
	}
	require.NoError(t, policy.Check("password", "annabel lee walks by the sea", personal...))
	require.NoError(t, policy.Check("password", "a river of cold tea", "a@b.co", "A"), "a name of one letter forbids nothing")
}

func FuzzPasswordPolicy(f *testing.F) {
	for _, s := range []string{"", "vexed zebu hums", "aaaaaaaaaaaaaaaa", "pass\x00word", "\xff\xfe", "🚣🌊🌙🦓🍇🎻🧭🪁🐙🌵🛶🏔🧵🎲🪵"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, password string) {
		err := policy.Check("password", password, "ann@example.com", "Ann Lee")
		if err == nil {
			n := len([]rune(password))
			require.True(t, n >= policy.MinLength && n <= domain.MaxPasswordLength)
			return
		}
		var invalid domain.Invalid
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "password", invalid.Fields[0].Field)
		require.Less(t, len(err.Error()), 60, "an error never carries the password")
	})
}

func TestPasswordPolicy_IsNotFooledByAnAddressThatBeginsTheName(t *testing.T) {
	t.Parallel()
	err := policy.Check("password", "Annabel Lee 12345", "ann@example.com", "Annabel Lee")
	requireFault(t, err, "password", "too_personal")
}
