using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>What the faults make of one frame.</summary>
[Flags]
internal enum FrameFault : byte
{
    None = 0,
    Drop = 1,
    Duplicate = 2,
    Rename = 4,
    Extra = 8,
    Unknown = 16,
    RestartSeq = 32,
}

/// <summary>What the faults make of one REST call; default = nothing.</summary>
internal readonly record struct RestFault(int Status, long DelayMicros, bool IsMalformed, bool IsTimeout, bool RepeatsCursor);

/// <summary>
/// The faults of one run: which rule is due when, and what hits a frame or a call. The same seed and the same stream give
/// the same faults. Thread: the exchange's; <see cref="ClockSkew"/> may be read by any.
/// </summary>
internal sealed class FaultPlan
{
    private readonly State[] _states;
    private SeededRandom _random;
    private long _clockSkew;

    /// <summary>The message that is being sent, counted from 1, and its frames that are still to come; 0: the frame is no message's.</summary>
    private long _message;
    private int _receiversLeft;

    public FaultPlan(IReadOnlyList<FaultRule> rules, ulong seed)
    {
        _random = new SeededRandom(SeededRandom.Mix(seed, 0xFA017));
        _states = [.. rules.Select(rule => new State(rule))];
        TouchesFrames = rules.Any(rule => rule.IsOfFrames);
        foreach (var state in _states)
        {
            state.NextAt = FirstAt(state.Rule);
            state.ActiveUntil = IsStanding(state.Rule) ? long.MaxValue : long.MinValue;
        }

        Refresh();
    }

    public static FaultPlan None { get; } = new([], 0);

    /// <summary>Told each time a fault other than of a single frame is injected: the rule, and the connection or 0.</summary>
    public Action<FaultRule, int>? Injected { get; set; }

    public bool TouchesFrames { get; }

    /// <summary>µs by which the server's clock is ahead of the wall.</summary>
    public long ClockSkew => Volatile.Read(ref _clockSkew);

    /// <summary>Where the stream stands, µs since its start: what windows are measured by.</summary>
    public long Offset { get; set; }

    /// <summary>When the next rule is due; `long.MaxValue` when none is.</summary>
    public long NextAt { get; private set; }

    /// <summary>How often each kind was injected.</summary>
    public long[] Counts { get; } = new long[(int)FaultKind.RestCursor + 1];

    /// <summary>`drop=12 disconnect=1`, or "none".</summary>
    public string Summary()
    {
        var injected = Enum.GetValues<FaultKind>().Where(kind => Counts[(int)kind] > 0).Select(kind => $"{kind}={Counts[(int)kind]}").ToArray();
        return injected.Length == 0 ? "none" : string.Join(' ', injected);
    }

    /// <summary>Moves to the offset and carries out what is due.</summary>
    public void Advance(long offset, SimulatedExchange exchange, IEventSource source)
    {
        Offset = offset;
        foreach (var state in _states)
        {
            while (state.NextAt <= offset)
            {
                var at = state.NextAt;
                state.NextAt = NextOf(state.Rule, at);
                state.ActiveUntil = state.Rule.For > 0 ? at + state.Rule.For : state.Rule.Rate > 0 ? long.MaxValue : at;
                state.Armed = state.Rule.For == 0 && state.Rule.Rate == 0 ? state.Rule.Count : 0;
                Fire(state.Rule, at, exchange, source);
            }
        }

        Refresh();
    }

    /// <summary>The next so many frames are of one message, one to each of its receivers.</summary>
    public void BeginMessage(int receivers)
    {
        _message++;
        _receiversLeft = receivers;
    }

    /// <summary>What happens to this frame. `numbered` is false on the ticker channel, where a drop could not be seen.</summary>
    public FrameFault Decide(Subscription to, bool numbered, out FaultRule? rename)
    {
        rename = null;
        var faults = FrameFault.None;
        var receiversLeft = _receiversLeft;
        _receiversLeft = Math.Max(0, receiversLeft - 1);
        foreach (var state in _states)
        {
            var rule = state.Rule;
            if (!rule.IsOfFrames || !Concerns(rule, to) || (!numbered && rule.Channel is null && rule.Kind != FaultKind.Rename)
                || !(rule.Spread == 0 ? Strikes(state) : StrikesOneOf(state, receiversLeft)))
            {
                continue;
            }

            faults |= (FrameFault)(1 << (int)rule.Kind);
            rename = rule.Kind == FaultKind.Rename ? rule : rename;
            Counts[(int)rule.Kind]++;
        }

        return faults;
    }

    public RestFault DecideRest(string path)
    {
        var fault = default(RestFault);
        foreach (var state in _states)
        {
            var rule = state.Rule;
            if (!rule.IsOfRest || (rule.Path is not null && !path.StartsWith(rule.Path, StringComparison.Ordinal)) || !Strikes(state))
            {
                continue;
            }

            Counts[(int)rule.Kind]++;
            fault = rule.Kind switch
            {
                FaultKind.RestStatus => fault with { Status = rule.Status == 0 ? 500 : rule.Status },
                FaultKind.RestSlow => fault with { DelayMicros = rule.By ?? 2 * Micros.PerSecond },
                FaultKind.RestMalformed => fault with { IsMalformed = true },
                FaultKind.RestTimeout => fault with { IsTimeout = true },
                _ => fault with { RepeatsCursor = true },
            };
        }

        return fault;
    }

    /// <summary>0, or the status an upgrade is refused with.</summary>
    public int DecideUpgrade()
    {
        foreach (var state in _states)
        {
            if (state.Rule.Kind == FaultKind.Refuse && Strikes(state))
            {
                Counts[(int)FaultKind.Refuse]++;
                Injected?.Invoke(state.Rule, 0);
                return state.Rule.Status == 0 ? 503 : state.Rule.Status;
            }
        }

        return 0;
    }

    /// <summary>Armed for a number of frames; or in its window, by chance if it has a rate.</summary>
    private bool Strikes(State state)
    {
        if (state.Armed > 0)
        {
            state.Armed--;
            return true;
        }

        return Offset < state.ActiveUntil && (state.Rule.Rate == 0 || _random.Chance(state.Rule.Rate));
    }

    /// <summary>Whether this receiver is one of those at which the message is hit; every choice of them is as likely.</summary>
    private bool StrikesOneOf(State state, int receiversLeft)
    {
        if (receiversLeft == 0)
        {
            return false;
        }

        if (state.Message != _message)
        {
            state.Message = _message;
            state.HitsLeft = Strikes(state) ? Math.Min(state.Rule.Spread, receiversLeft) : 0;
        }

        if (state.HitsLeft == 0 || !_random.Chance((double)state.HitsLeft / receiversLeft))
        {
            return false;
        }

        state.HitsLeft--;
        return true;
    }

    private static bool Concerns(FaultRule rule, Subscription to) =>
        (rule.Channel is null || rule.Channel == to.ChannelName) && (rule.Connection <= 0 || rule.Connection == to.Session.Number);

    /// <summary>Neither at nor every: up all the time.</summary>
    private static bool IsStanding(FaultRule rule) => rule.At < 0 && rule.Every == 0 && !(rule.IsOfConnections && rule.Rate > 0);

    private long FirstAt(FaultRule rule) => IsStanding(rule) ? long.MaxValue
        : rule.At >= 0 ? rule.At : rule.Every > 0 ? rule.Every : ByChance(rule, 0);

    /// <summary>What stands all the time befalls each connection as it opens.</summary>
    public void Greet(SimulatedSession session, SimulatedExchange exchange)
    {
        foreach (var state in _states)
        {
            if (state.Rule.IsOfConnections && IsStanding(state.Rule) && (state.Rule.Connection <= 0 || state.Rule.Connection == session.Number))
            {
                Counts[(int)state.Rule.Kind]++;
                Injected?.Invoke(state.Rule, session.Number);
                Strike(state.Rule, session, exchange);
            }
        }
    }

    private long NextOf(FaultRule rule, long at) =>
        rule.Every > 0 ? at + rule.Every : rule.IsOfConnections && rule.Rate > 0 ? ByChance(rule, at) : long.MaxValue;

    private long ByChance(FaultRule rule, long from) =>
        from + Math.Max(Micros.PerMillisecond, (long)(-Math.Log(1 - _random.Fraction()) / rule.Rate * Micros.PerSecond));

    private void Fire(FaultRule rule, long at, SimulatedExchange exchange, IEventSource source)
    {
        if (rule.IsOfConnections)
        {
            foreach (var session in Targets(rule, exchange))
            {
                Counts[(int)rule.Kind]++;
                Injected?.Invoke(rule, session.Number);
                Strike(rule, session, exchange);
            }
        }
        else if (rule.Kind == FaultKind.Burst)
        {
            Counts[(int)rule.Kind]++;
            Injected?.Invoke(rule, 0);
            source.Burst(rule.Factor, at + (rule.For == 0 ? Micros.PerSecond : rule.For));
        }
        else if (rule.Kind == FaultKind.Skew)
        {
            Counts[(int)rule.Kind]++;
            Injected?.Invoke(rule, 0);
        }
    }

    private List<SimulatedSession> Targets(FaultRule rule, SimulatedExchange exchange)
    {
        var all = exchange.Sessions.Where(session => (rule.Connection <= 0 || session.Number == rule.Connection)
            && (rule.Channel is null || session.ByChannel(rule.Channel) is not null)).ToList();
        return rule.Connection != 0 || all.Count == 0 ? all : [all[_random.Below(all.Count)]];
    }

    private static void Strike(FaultRule rule, SimulatedSession session, SimulatedExchange exchange)
    {
        if (rule.Kind is FaultKind.Overflow or FaultKind.Error10)
        {
            var code = rule.Kind == FaultKind.Overflow ? ErrorCode.BufferOverflow : ErrorCode.ChannelError;
            foreach (var subscription in session.Subscriptions.Where(one => rule.Channel is null || rule.Channel == one.ChannelName).ToArray())
            {
                exchange.EndWithError(subscription, code);
            }

            return;
        }

        session.Wire.Disturb(rule.Kind switch
        {
            FaultKind.Disconnect => new WireDisturbance(rule.IsReset ? WireDisturbanceKind.Reset : WireDisturbanceKind.Close),
            FaultKind.Stall => new WireDisturbance(WireDisturbanceKind.Stall, rule.For),
            FaultKind.Delay => new WireDisturbance(WireDisturbanceKind.Delay, rule.For, (int)((rule.By ?? 200_000) / Micros.PerMillisecond)),
            FaultKind.Chunk => new WireDisturbance(WireDisturbanceKind.Chunk, rule.For, rule.Size == 0 ? 1 : rule.Size),
            _ => new WireDisturbance(WireDisturbanceKind.Fragment, rule.For, rule.Size == 0 ? 64 : rule.Size),
        });
    }

    private void Refresh()
    {
        NextAt = long.MaxValue;
        long skew = 0;
        foreach (var state in _states)
        {
            NextAt = Math.Min(NextAt, state.NextAt);
            if (state.Rule.Kind == FaultKind.Skew && Offset < state.ActiveUntil)
            {
                skew += state.Rule.By ?? Micros.PerMinute;
                NextAt = Math.Min(NextAt, state.ActiveUntil);
            }
        }

        Volatile.Write(ref _clockSkew, skew);
    }

    private sealed class State(FaultRule rule)
    {
        public FaultRule Rule { get; } = rule;

        public long NextAt { get; set; }

        public long ActiveUntil { get; set; } = long.MinValue;

        public int Armed { get; set; }

        /// <summary>The message this was last decided for, and how many of its receivers are still to be hit.</summary>
        public long Message { get; set; }

        public int HitsLeft { get; set; }
    }
}
