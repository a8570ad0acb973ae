namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>orderbook_delta and orderbook_snapshot out of their fields.</summary>
internal static class OrderbookFields
{
    private const string DeltaName = "orderbook_delta";
    private const string SnapshotName = "orderbook_snapshot";

    private static readonly Field DeltaTicker = new(DeltaName, "market_ticker", MessageKey.MarketTicker);
    private static readonly Field DeltaPrice = new(DeltaName, "price_dollars", MessageKey.PriceDollars, "price", MessageKey.Price);
    private static readonly Field DeltaQuantity = new(DeltaName, "delta_fp", MessageKey.DeltaFp, "delta", MessageKey.Delta);
    private static readonly Field DeltaSide = new(DeltaName, "side", MessageKey.Side);
    private static readonly Field SnapshotTicker = new(SnapshotName, "market_ticker", MessageKey.MarketTicker);

    /// <summary>A side's three names over the years, the newest first: it wins.</summary>
    private static readonly Field[] YesNames =
    [
        new(SnapshotName, "yes_dollars_fp", MessageKey.YesDollarsFp),
        new(SnapshotName, "yes_dollars", MessageKey.YesDollars),
        new(SnapshotName, "yes", MessageKey.Yes),
    ];

    private static readonly Field[] NoNames =
    [
        new(SnapshotName, "no_dollars_fp", MessageKey.NoDollarsFp),
        new(SnapshotName, "no_dollars", MessageKey.NoDollars),
        new(SnapshotName, "no", MessageKey.No),
    ];

    public static bool ReadDelta(ref FieldReader fields, Message message, bool useYesPrice)
    {
        message.MarketId = fields.Uuid(MessageKey.MarketId);
        message.ExchangeAt = fields.ExchangeAt();
        var isRead = fields.Text(DeltaTicker, ref message._ticker)
            && fields.YesOrNo(DeltaSide, out message.Side) && fields.Required(message.Side != Side.None, DeltaSide)
            && fields.Price(DeltaPrice, out message.Price) && fields.Required(message.Price != Message.AbsentPrice, DeltaPrice)
            && fields.Quantity(DeltaQuantity, out message.Delta) && fields.Required(message.Delta != Message.Absent, DeltaQuantity);
        if (isRead && useYesPrice && message.Side == Side.No)
        {
            message.Price = FieldReader.PriceMax - message.Price;
        }

        return isRead;
    }

    /// <summary>
    /// An absent side is an empty one (the exchange clears a book so), unless the object holds something else that could be
    /// the side under a name we do not know: reading that as an empty book would be a silent loss.
    /// </summary>
    public static bool ReadSnapshot(ref FieldReader fields, Message message, bool useYesPrice)
    {
        message.MarketId = fields.Uuid(MessageKey.MarketId);
        message.ExchangeAt = fields.ExchangeAt();
        if (!fields.Text(SnapshotTicker, ref message._ticker))
        {
            return false;
        }

        var table = fields.Table;
        if (table.HasUnknownContainer && (!HasAny(table, YesNames) || !HasAny(table, NoNames)))
        {
            return fields.Fail("orderbook_snapshot: unknown key holds levels");
        }

        return ReadSide(ref fields, YesNames, false, ref message._yes) && ReadSide(ref fields, NoNames, useYesPrice, ref message._no);
    }

    private static bool HasAny(FieldTable table, Field[] names) =>
        table.Has(names[0].Key) || table.Has(names[1].Key) || table.Has(names[2].Key);

    private static bool ReadSide(ref FieldReader fields, Field[] names, bool isOtherLeg, ref LevelBuffer levels)
    {
        levels.Clear();
        for (var age = 0; age < names.Length; age++)
        {
            var value = fields.Table[names[age].Key];
            if (!value.IsBlank)
            {
                var reason = LevelReader.Read(fields.Frame, value, names[age], age == 2, isOtherLeg, ref levels);
                return reason is null || fields.Fail(reason);
            }
        }

        return true;
    }
}
