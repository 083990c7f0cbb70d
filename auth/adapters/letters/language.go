package letters

import (
	"fmt"
	"strings"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/shared/money"
)

// language is how amounts and times are written.
type language struct {
	decimal              string // between major and minor units
	date                 string // of day, month and year
	months               [12]string
	hours, minutes, secs units
}

// units is a unit of time, of one and of any other number.
type units struct{ one, many string }

var languages = map[domain.Locale]language{
	domain.English: {
		decimal: ".", date: "%d %s %d",
		months: [12]string{
			"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
		},
		hours: units{"hour", "hours"}, minutes: units{"minute", "minutes"}, secs: units{"second", "seconds"},
	},
	domain.Spanish: {
		decimal: ",", date: "%d de %s de %d",
		months: [12]string{
			"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
		},
		hours: units{"hora", "horas"}, minutes: units{"minuto", "minutos"}, secs: units{"segundo", "segundos"},
	},
}

// amount has as many places as the currency; digits are not grouped, for readers of one language
// in different countries take the same mark for different things.
func (g language) amount(m money.Money) string {
	return strings.Replace(m.Decimal(), ".", g.decimal, 1) + " " + string(m.Currency)
}

// moment is to the minute, in UTC, for nobody told us where the reader is.
func (g language) moment(at time.Time) string {
	at = at.UTC()
	return fmt.Sprintf(g.date, at.Day(), g.months[at.Month()-1], at.Year()) + at.Format(", 15:04 UTC")
}

// duration is in the largest unit that needs no fraction, seconds at the least; never more than d.
func (g language) duration(d time.Duration) string {
	unit, n := g.secs, int64(d/time.Second)
	if n%60 == 0 {
		unit, n = g.minutes, n/60
		if n%60 == 0 {
			unit, n = g.hours, n/60
		}
	}
	if n == 1 {
		return "1 " + unit.one
	}
	return fmt.Sprintf("%d %s", n, unit.many)
}
