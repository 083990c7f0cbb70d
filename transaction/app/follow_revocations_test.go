package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/ports"
	"github.com/micropay/micropay/transaction/ports/mocks"
)

func revocations(t *testing.T) (*app.Revocations, *mocks.MockRevocationFeed, *mocks.MockRevocationStore) {
	t.Helper()
	c := gomock.NewController(t)
	feed, store := mocks.NewMockRevocationFeed(c), mocks.NewMockRevocationStore(c)
	return app.NewRevocations(feed, store), feed, store
}

func session(id string) ports.Revocation {
	return ports.Revocation{Kind: "session", ID: id, RevokedAt: noon, ExpiresAt: noon.Add(time.Hour)}
}

func TestRevocations_FollowTheFeedToItsEnd(t *testing.T) {
	t.Parallel()
	r, feed, store := revocations(t)
	require.False(t, r.Ready())
	everything := ports.Revocation{Kind: "user", ID: "bob", RevokedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	gomock.InOrder(
		store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{}, nil),
		feed.EXPECT().After(gomock.Any(), "").Return([]ports.Revocation{session("s1")}, "1", nil),
		store.EXPECT().Save(gomock.Any(), []ports.Revocation{session("s1")}, "1").Return(nil),
		feed.EXPECT().After(gomock.Any(), "1").Return([]ports.Revocation{everything}, "2", nil),
		store.EXPECT().Save(gomock.Any(), []ports.Revocation{everything}, "2").Return(nil),
		feed.EXPECT().After(gomock.Any(), "2").Return(nil, "2", nil),
	)
	require.NoError(t, r.Follow(t.Context(), noon))
	require.True(t, r.Ready())
	require.True(t, r.Revoked("alice", "s1", noon.Add(-time.Minute)))
	require.False(t, r.Revoked("alice", "s2", noon.Add(-time.Minute)), "other sessions live on")
	require.True(t, r.Revoked("bob", "s3", noon), "everything issued until then")
	require.False(t, r.Revoked("bob", "s4", noon.Add(time.Second)), "but not what was issued later")
}

func TestRevocations_SurviveARestartWhileAuthIsDown(t *testing.T) {
	t.Parallel()
	r, feed, store := revocations(t)
	store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{Revocations: []ports.Revocation{session("s1")}, Cursor: "7", Seq: 3}, nil)
	store.EXPECT().Load(gomock.Any(), int64(3)).Return(ports.Heard{Cursor: "7", Seq: 3}, nil)
	feed.EXPECT().After(gomock.Any(), "7").Return(nil, "", ports.ErrUnavailable).Times(2)
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.True(t, r.Revoked("alice", "s1", noon))
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable, "what is loaded is not loaded again")
}

func TestRevocations_RefuseAtOnceEvenWhenStoringFails(t *testing.T) {
	t.Parallel()
	r, feed, store := revocations(t)
	store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{}, nil)
	feed.EXPECT().After(gomock.Any(), "").Return([]ports.Revocation{session("s1")}, "1", nil)
	store.EXPECT().Save(gomock.Any(), gomock.Any(), "1").Return(ports.ErrUnavailable)
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.True(t, r.Revoked("alice", "s1", noon))
}

func TestRevocations_AreForgottenOnceNoTokenCanLive(t *testing.T) {
	t.Parallel()
	r, feed, store := revocations(t)
	store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{Revocations: []ports.Revocation{session("s1")}, Cursor: "1", Seq: 1}, nil)
	feed.EXPECT().After(gomock.Any(), "1").Return(nil, "1", nil).AnyTimes()
	require.NoError(t, r.Follow(t.Context(), noon.Add(2*time.Hour)))
	require.False(t, r.Revoked("alice", "s1", noon))
}

func TestRevocations_NotReadyUntilLoaded(t *testing.T) {
	t.Parallel()
	r, _, store := revocations(t)
	store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{}, ports.ErrUnavailable)
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.False(t, r.Ready())
}

// An event reaches one replica; the others hear of it from the store, while auth is away.
func TestRevocations_HearWhatAnotherReplicaStored(t *testing.T) {
	t.Parallel()
	r, feed, store := revocations(t)
	feed.EXPECT().After(gomock.Any(), gomock.Any()).Return(nil, "", ports.ErrUnavailable).AnyTimes()
	gomock.InOrder(
		store.EXPECT().Load(gomock.Any(), int64(0)).Return(ports.Heard{Cursor: "7", Seq: 4}, nil),
		store.EXPECT().Load(gomock.Any(), int64(4)).Return(ports.Heard{Revocations: []ports.Revocation{session("s1")}, Cursor: "7", Seq: 5}, nil),
		store.EXPECT().Load(gomock.Any(), int64(5)).Return(ports.Heard{}, ports.ErrUnavailable),
	)
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.False(t, r.Revoked("alice", "s1", noon))
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.True(t, r.Revoked("alice", "s1", noon))
	require.ErrorIs(t, r.Follow(t.Context(), noon), ports.ErrUnavailable)
	require.True(t, r.Revoked("alice", "s1", noon), "nothing is let in again")
}
