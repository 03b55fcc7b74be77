namespace Orleans.DOS.Security;

/// <summary>Who calls: a user, a service account, or a process acting for one.</summary>
/// <param name="Name">The catalog's name, e.g. <c>admin</c>.</param>
/// <param name="UserId">Owner number on files; 0 is the administrator.</param>
/// <param name="GroupId">Group number on files.</param>
[GenerateSerializer, Immutable, Alias("dos.Principal")]
public sealed record Principal([property: Id(0)] string Name, [property: Id(1)] int UserId, [property: Id(2)] int GroupId)
{
    public static readonly Principal Admin = new("admin", 0, 0);
}
