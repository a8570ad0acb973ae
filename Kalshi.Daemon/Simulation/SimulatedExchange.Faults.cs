using System.Text;

namespace Kalshi.Daemon.Simulation;

/// <summary>Frames on their way through the faults. Slow and out of the way: a run without frame faults never comes here.</summary>
internal sealed partial class SimulatedExchange
{
    private readonly WireText _mutated = new();

    private void SendThroughFaults(Subscription to, ReadOnlySpan<byte> type, long id, bool numbered, ReadOnlySpan<byte> msg)
    {
        var faults = _faults.Decide(to, numbered, out var rename);
        if ((faults & FrameFault.RestartSeq) != 0)
        {
            to.RestartSeq();
        }

        if ((faults & FrameFault.Unknown) != 0)
        {
            FrameEncoder.Frame(_frame.Clear(), "liquidity_pulse"u8, 0, to.Sid, numbered ? to.NextSeq() : 0,
                "{\"market_ticker\":\"?\",\"pulse\":[1,2.5,{\"deep\":null}]}"u8, SendingMs, StampLast());
            Put(to, _frame.Span);
        }

        var seq = numbered ? to.NextSeq() : 0;
        if ((faults & FrameFault.Drop) != 0)
        {
            return;
        }

        FrameEncoder.Frame(_frame.Clear(), type, id, to.Sid, seq, msg, SendingMs, StampLast());
        if (rename is not null)
        {
            Rename(rename.From, rename.To);
        }

        if ((faults & FrameFault.Extra) != 0)
        {
            AddFields();
        }

        Put(to, _frame.Span);
        if ((faults & FrameFault.Duplicate) != 0 && to.IsOpen)
        {
            Put(to, _frame.Span);
        }
    }

    /// <summary>`"from":` becomes `"to":` wherever it stands.</summary>
    private void Rename(string from, string to)
    {
        var key = Encoding.UTF8.GetBytes($"\"{from}\":");
        var other = Encoding.UTF8.GetBytes($"\"{to}\":");
        _mutated.Clear();
        var rest = _frame.Span;
        for (var at = rest.IndexOf(key); at >= 0; at = rest.IndexOf(key))
        {
            _mutated.Raw(rest[..at]).Raw(other);
            rest = rest[(at + key.Length)..];
        }

        _mutated.Raw(rest);
        _frame.Clear().Raw(_mutated.Span);
    }

    /// <summary>New fields at the top and inside msg, with values of every JSON type.</summary>
    private void AddFields()
    {
        var start = "\"msg\":{"u8;
        var at = _frame.Span.IndexOf(start);
        _mutated.Clear().Raw("{\"shard_epoch\":{\"of\":[true,null,\"\\u0041\\\"}\"]},"u8);
        if (at < 0)
        {
            _mutated.Raw(_frame.Span[1..]);
        }
        else
        {
            _mutated.Raw(_frame.Span[1..(at + start.Length)]).Raw("\"liquidity_hint\":-1.5e3,"u8).Raw(_frame.Span[(at + start.Length)..]);
        }

        _frame.Clear().Raw(_mutated.Span);
    }
}
