namespace Orleans.DOS;

/// <summary>One page of a listing.</summary>
/// <param name="Items">At most <see cref="Limits.PageEntriesMax"/> items in a stable order.</param>
/// <param name="Next">What to hand in as <c>after</c> for the next page, or null at the end.</param>
[GenerateSerializer, Immutable, Alias("dos.Page`1")]
public sealed record Page<T>([property: Id(0)] IReadOnlyList<T> Items, [property: Id(1)] string? Next);
