namespace Kalshi.Daemon.Simulation;

/// <summary>Where a session's frames go: a socket, or a list in a test. Called by the exchange's thread only.</summary>
internal interface IWire
{
    /// <summary>Takes a copy of one whole frame (`\n` at its end). False when the queue's bound would be passed.</summary>
    bool TrySend(ReadOnlySpan<byte> frame);

    /// <summary>As <see cref="TrySend"/>, into the reserve that is kept for errors and acks.</summary>
    void SendUrgent(ReadOnlySpan<byte> frame);

    /// <summary>Carries out a fault that belongs to the connection, not to the protocol.</summary>
    void Disturb(in WireDisturbance disturbance);
}

internal enum WireDisturbanceKind : byte
{
    /// <summary>TCP reset.</summary>
    Reset,

    /// <summary>WebSocket close frame, then the end.</summary>
    Close,

    /// <summary>Nothing leaves, then everything; for ever = half-open.</summary>
    Stall,

    /// <summary>Every write waits `Size` ms.</summary>
    Delay,

    /// <summary>Writes leave in pieces of `Size` bytes.</summary>
    Chunk,

    /// <summary>Messages longer than `Size` bytes leave as continuation frames.</summary>
    Fragment,
}

/// <summary>A fault of a connection that lasts `Micros`, 0 = for ever.</summary>
internal readonly record struct WireDisturbance(WireDisturbanceKind Kind, long Micros = 0, int Size = 0);

/// <summary>One WebSocket connection as the exchange sees it: sids from 1, one per channel. Belongs to the exchange's thread.</summary>
internal sealed class SimulatedSession(int number, IWire wire)
{
    /// <summary>Sids live at once, and so also the bound of <see cref="Subscriptions"/>.</summary>
    public const int SubscriptionsMax = 64;

    private int _lastSid;

    /// <summary>Connections are numbered from 1 for the life of the simulator; faults may name one.</summary>
    public int Number { get; } = number;

    public IWire Wire { get; } = wire;

    public List<Subscription> Subscriptions { get; } = [];

    /// <summary>Order-book markets over all sids; the exchange allows 500,000.</summary>
    public int BookMarkets { get; set; }

    // Command rate limit: commands seen in the current second of the wall clock.
    public long CommandSecond { get; set; }

    public int CommandsInSecond { get; set; }

    public int TakeSid() => ++_lastSid;

    public Subscription? BySid(long sid) => Subscriptions.Find(subscription => subscription.Sid == sid);

    public Subscription? ByChannel(string name) => Subscriptions.Find(subscription => subscription.ChannelName == name);
}
