using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// The `msg` of an orderbook_delta in the spelling of 2026, keys in any order:
/// <code>
/// {"market_ticker":"…","market_id":"…","price_dollars":"0.3200","delta_fp":"-46.02","side":"no",
///  "ts":"2026-08-05T03:45:40.722003Z","ts_ms":1785901540722}
/// </code>
/// Reads every byte or answers false, and then what it wrote means nothing: missing, unknown and repeated keys, old forms, blanks
/// and escapes are the general reader's business, as is every refusal.
/// </summary>
internal static class DeltaScan
{
    private const uint Ticker = 1;
    private const uint MarketId = 2;
    private const uint Price = 4;
    private const uint Delta = 8;
    private const uint SideOf = 16;
    private const uint Ts = 32;
    private const uint TsMs = 64;

    /// <summary>`"market_ticker":"`, less its last byte.</summary>
    private const int KeyLengthMax = 16;
    private const uint RequiredKeys = Ticker | Price | Delta | SideOf;

    public static bool TryRead(ReadOnlySpan<byte> frame, JsonValue payload, bool useYesPrice, Message message, ref DayStart day)
    {
        var at = payload.Start + 1;
        var end = payload.End - 1;
        var text = Message.Absent;
        var milliseconds = Message.Absent;
        var seen = 0u;
        do
        {
            if (frame.Length - at <= KeyLengthMax)
            {
                return false;
            }

            var key = ReadKey(frame, ref at);
            if ((seen & key) != 0 || !TryReadValue(frame, key, ref at, message, ref day, ref text, ref milliseconds))
            {
                return false;
            }

            seen |= key;
        }
        while (WireScan.TryPass(frame, ref at, (byte)','));

        if (at != end || (seen & RequiredKeys) != RequiredKeys)
        {
            return false;
        }

        message.ExchangeAt = Times.Choose(text, milliseconds, Message.Absent);
        message.Price = useYesPrice && message.Side == Side.No ? FieldReader.PriceMax - message.Price : message.Price;
        return true;
    }

    /// <summary>Passes the key up to its value's first byte behind the opening quote; 0 for any other key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ReadKey(ReadOnlySpan<byte> frame, ref int at)
    {
        const ulong Market = 0x5F_74_65_6B_72_61_6D_22; // "market_
        const ulong TickerRest = 0x3A_22_72_65_6B_63_69_74; // ticker":
        const ulong IdRest = 0x22_3A_22_64_69; // id":"
        const ulong PriceD = 0x64_5F_65_63_69_72_70_22; // "price_d
        const ulong Ollars = 0x3A_22_73_72_61_6C_6C_6F; // ollars":
        const ulong DeltaF = 0x66_5F_61_74_6C_65_64_22; // "delta_f
        const uint P = 0x22_3A_22_70; // p":"
        const ulong SideKey = 0x22_3A_22_65_64_69_73_22; // "side":"
        const ulong TsMsKey = 0x3A_22_73_6D_5F_73_74_22; // "ts_ms":
        const ulong TsKey = 0x22_3A_22_73_74_22; // "ts":"
        var start = at;
        var first = WireScan.Read8(frame, start);
        var rest = WireScan.Read8(frame, start + 8);
        switch (first)
        {
            case Market when rest == TickerRest:
                at = start + 17;
                return frame[start + 16] == '"' ? Ticker : 0;
            case Market when (rest & 0xFF_FFFF_FFFF) == IdRest:
                at = start + 13;
                return MarketId;
            case PriceD when rest == Ollars:
                at = start + 17;
                return frame[start + 16] == '"' ? Price : 0;
            case DeltaF when (uint)rest == P:
                at = start + 12;
                return Delta;
            case SideKey:
                at = start + 8;
                return SideOf;
            case TsMsKey:
                at = start + 8;
                return TsMs;
            default:
                at = start + 6;
                return (first & 0xFFFF_FFFF_FFFF) == TsKey ? Ts : 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadValue(
        ReadOnlySpan<byte> frame, uint key, ref int at, Message message, ref DayStart day, ref long text, ref long milliseconds)
    {
        switch (key)
        {
            case Ticker:
                var isText = WireScan.TryReadText(frame, ref at, out var ticker) && ticker.Length > 0;
                message._ticker.Set(ticker);
                return isText;
            case MarketId:
                return Uuids.TryReadInPlace(frame, ref at, out message.MarketId);
            case Price:
                return WireScan.TryReadPrice(frame, ref at, out message.Price);
            case Delta:
                return WireScan.TryReadQuantity(frame, ref at, out message.Delta);
            case SideOf:
                return WireScan.TryReadSide(frame, ref at, out message.Side);
            case Ts:
                return day.TryReadStamp(frame, ref at, out text);
            case TsMs:
                var isNumber = WireScan.TryReadNumber(frame, ref at, out var number);
                milliseconds = Times.FromMilliseconds(number);
                return isNumber;
            default:
                return false;
        }
    }
}
