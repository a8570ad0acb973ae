using System.Collections.Concurrent;

namespace Kalshi.Daemon.Exchange;

/// <summary>The live sessions by number, for the control loop and the status line. Thread-safe.</summary>
internal sealed class SessionDirectory
{
    private readonly ConcurrentDictionary<int, Session> _sessions = new();

    public int Count => _sessions.Count;

    public IEnumerable<Session> All => _sessions.Values;

    public void Add(Session session) => _sessions[session.Number] = session;

    public void Remove(Session session) => _sessions.TryRemove(session.Number, out _);

    public Session? Find(int number) => _sessions.GetValueOrDefault(number);
}
