using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Books;

/// <summary>The trades a journal holds, by id: what a <see cref="TradeWindow"/> asks when it has forgotten. Cold, and as slow as reading the journal is.</summary>
internal static class JournalTrades
{
    /// <summary>How far the exchange's clock may be ahead of ours.</summary>
    private const long ClockMarginMicros = Micros.PerMinute;

    /// <summary>Ids of the trades made since the stamp that came by stream or by page before the record stamped `before`.</summary>
    public static HashSet<UInt128> IdsSince(string directory, long exchangeAt, long before)
    {
        var ids = new HashSet<UInt128>();
        var decoder = new FrameDecoder();
        using var reader = new JournalReader(directory, Math.Max(0, exchangeAt - ClockMarginMicros), before - 1);
        while (reader.TryRead(out var record))
        {
            switch (record.Kind)
            {
                case RecordKind.Frame when FrameHeadReader.Read(record.Bytes).Type == FrameType.Trade:
                    if (decoder.Decode(record.Bytes, useYesPrice: true) == DecodeVerdict.Decoded)
                    {
                        ids.Add(TradeWindow.IdOf(decoder.Message.TradeId));
                    }

                    break;
                case RecordKind.RestPage when Replay.TryReadBackfill(record.Bytes, out var page):
                    foreach (var element in page)
                    {
                        if (decoder.DecodeRestTrade(element) == DecodeVerdict.Decoded)
                        {
                            ids.Add(TradeWindow.IdOf(decoder.Message.TradeId));
                        }
                    }

                    break;
            }
        }

        return ids;
    }
}
