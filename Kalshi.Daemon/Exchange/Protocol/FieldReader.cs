namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Reads fields out of a <see cref="FieldTable"/>: the current string form where it says anything, else the integer form of
/// 2025. Each method answers false after setting <see cref="Reason"/>.
/// </summary>
internal ref struct FieldReader(ReadOnlySpan<byte> frame, FieldTable table)
{
    public const int PriceMax = Decimals.MicroDollarsPerDollar;

    private readonly ReadOnlySpan<byte> _frame = frame;

    /// <summary>Why the last read failed.</summary>
    public string Reason { get; private set; } = "";

    public readonly FieldTable Table => table;

    public readonly ReadOnlySpan<byte> Frame => _frame;

    public bool Fail(string reason)
    {
        Reason = reason;
        return false;
    }

    public bool Required(bool isPresent, Field field) => isPresent || Fail(field.Missing);

    /// <summary>Text that must be there and say something.</summary>
    public bool Text(Field field, ref TextBuffer target) =>
        OptionalText(field, ref target) && Required(!target.Span.IsEmpty, field);

    /// <summary>Text, or empty when absent.</summary>
    public bool OptionalText(Field field, ref TextBuffer target)
    {
        target.Clear();
        var value = table[field.Key];
        if (value.IsBlank)
        {
            return true;
        }

        if (value.Kind != JsonKind.String || !table.TryText(_frame, value, out var text))
        {
            return Fail(field.NotText);
        }

        target.Set(text);
        return true;
    }

    /// <summary>0 to 1 dollar in micro-dollars; the old key holds whole cents.</summary>
    public bool Price(Field field, out int price)
    {
        price = Message.AbsentPrice;
        var value = table[field.Key];
        if (!value.IsBlank)
        {
            return Number(value, out var text) && Decimals.TryParsePrice(text, out price)
                ? InRange(price is >= 0 and <= PriceMax, field.OutOfRange) : Fail(field.NotPrice);
        }

        value = table[field.OldKey];
        if (value.IsBlank)
        {
            return true;
        }

        if (!Number(value, out var cents) || !Decimals.TryParseWhole(cents, out var whole))
        {
            return Fail(field.OldNotCents);
        }

        price = whole is >= 0 and <= 100 ? (int)whole * Decimals.MicroDollarsPerCent : Message.AbsentPrice;
        return InRange(price >= 0, field.OldOutOfRange);
    }

    /// <summary>Hundredths of a contract; the old key holds contracts.</summary>
    public bool Quantity(Field field, out long quantity)
    {
        quantity = Message.Absent;
        var value = table[field.Key];
        var isOld = value.IsBlank;
        value = isOld ? table[field.OldKey] : value;
        return value.IsBlank || (Number(value, out var text) && Decimals.TryParseQuantity(text, out quantity))
            || Fail(isOld ? field.OldNotQuantity : field.NotQuantity);
    }

    /// <summary>Hundredths of a contract, none below zero.</summary>
    public bool Size(Field field, out long quantity) =>
        Quantity(field, out quantity)
        && InRange(quantity is >= 0 or Message.Absent, table[field.Key].IsBlank ? field.OldOutOfRange : field.OutOfRange);

    public bool Whole(Field field, out long number)
    {
        number = Message.Absent;
        var value = table[field.Key];
        return value.IsBlank || (Number(value, out var text) && Decimals.TryParseWhole(text, out number)) || Fail(field.NotWhole);
    }

    /// <summary>`yes` or `no`; None when absent.</summary>
    public bool YesOrNo(Field field, out Side side)
    {
        side = Side.None;
        var value = table[field.Key];
        if (value.IsBlank)
        {
            return true;
        }

        if (value.Kind == JsonKind.String && table.TryText(_frame, value, out var text))
        {
            side = text.SequenceEqual("yes"u8) ? Side.Yes : text.SequenceEqual("no"u8) ? Side.No : Side.None;
        }

        return InRange(side != Side.None, field.NotOneOf);
    }

    /// <summary>`bid` or `ask`; None when absent.</summary>
    public bool BidOrAsk(Field field, out TakerBookSide side)
    {
        side = TakerBookSide.None;
        var value = table[field.Key];
        if (value.IsBlank)
        {
            return true;
        }

        if (value.Kind == JsonKind.String && table.TryText(_frame, value, out var text))
        {
            side = text.SequenceEqual("bid"u8) ? TakerBookSide.Bid : text.SequenceEqual("ask"u8) ? TakerBookSide.Ask : TakerBookSide.None;
        }

        return InRange(side != TakerBookSide.None, field.NotOneOf);
    }

    /// <summary>1, 0, or -1 when absent.</summary>
    public bool Flag(Field field, out sbyte flag)
    {
        var kind = table[field.Key].Kind;
        flag = kind switch { JsonKind.True => 1, JsonKind.False => 0, _ => -1 };
        return InRange(flag >= 0 || table[field.Key].IsBlank, field.NotOneOf);
    }

    /// <summary>Exchange time from whatever of ts, ts_ms and time stands there; stamps that make no sense are as good as absent.</summary>
    public readonly long ExchangeAt()
    {
        var ts = table[MessageKey.Ts];
        var fromText = TimeText(MessageKey.Ts);
        var seconds = fromText == Message.Absent && Stamp(ts, out var number) ? Times.FromSeconds(number) : Message.Absent;
        var milliseconds = Stamp(table[MessageKey.TsMs], out number) ? Times.FromMilliseconds(number) : Message.Absent;
        var chosen = Times.Choose(fromText, milliseconds, seconds);
        return chosen != Message.Absent ? chosen : TimeText(MessageKey.Time);
    }

    /// <summary>An RFC 3339 stamp, or <see cref="Message.Absent"/>.</summary>
    public readonly long TimeText(MessageKey key)
    {
        var value = table[key];
        return value.Kind == JsonKind.String && table.TryText(_frame, value, out var text) ? Times.FromText(text) : Message.Absent;
    }

    /// <summary>The exchange's uuid; `Guid.Empty` when absent, empty or none.</summary>
    public readonly Guid Uuid(MessageKey key)
    {
        var uuid = Guid.Empty;
        var value = table[key];
        var isText = value.Kind == JsonKind.String && table.TryText(_frame, value, out var text) && Uuids.TryParse(text, out uuid);
        return isText ? uuid : Guid.Empty;
    }

    private readonly bool Stamp(JsonValue value, out long number)
    {
        number = 0;
        return !value.IsBlank && Number(value, out var text) && Decimals.TryParseWhole(text, out number);
    }

    /// <summary>The digits of a number, or of a string that holds one: the wire has had both.</summary>
    private readonly bool Number(JsonValue value, out ReadOnlySpan<byte> text)
    {
        text = default;
        return value.Kind is JsonKind.Number or JsonKind.String && table.TryText(_frame, value, out text);
    }

    private bool InRange(bool isInRange, string reason) => isInRange || Fail(reason);
}
