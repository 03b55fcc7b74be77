using System.Globalization;

namespace Orleans.DOS.Catalog;

/// <summary>
/// A place in a listing that has the newest first: what was listed last. Ids alone do not tell what is newer, since each node takes
/// them in blocks. As text <c>created.id</c>.
/// </summary>
/// <param name="CreatedAt">See <see cref="CatalogTime"/>.</param>
internal readonly record struct ListingPlace(long CreatedAt, long Id)
{
    private static readonly ListingPlace Top = new(long.MaxValue, long.MaxValue);

    /// <param name="after">Null: from the newest on.</param>
    /// <exception cref="DosException">InvalidArgument.</exception>
    public static ListingPlace Parse(string? after) =>
        after is null ? Top
        : after.Split('.') is [var created, var id] && TryNumber(created, out var at) && TryNumber(id, out var number) ? new ListingPlace(at, number)
        : throw new DosException(DosErrorCode.InvalidArgument, $"'{after}' is no end of a page");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{CreatedAt}.{Id}");

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
