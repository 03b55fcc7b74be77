namespace Orleans.DOS.Security;

/// <summary>What a verified credential says.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Process">Set when the credential is a process'.</param>
/// <param name="Incarnation">Of <paramref name="Process"/>.</param>
/// <param name="Machine">Set when the credential is good for one machine only.</param>
/// <param name="IsNode">The credential is that of a node of this cluster.</param>
[GenerateSerializer, Immutable, Alias("dos.Caller")]
public sealed record Caller(
    [property: Id(0)] Principal Principal,
    [property: Id(1)] ProcessId? Process = null,
    [property: Id(2)] long Incarnation = 0,
    [property: Id(3)] MachineId? Machine = null,
    [property: Id(4)] bool IsNode = false);

/// <summary>Checks credentials at the doors of a node.</summary>
public interface ICredentialVerifier
{
    /// <returns>Null when the token is unknown, malformed, expired or of another cluster.</returns>
    /// <exception cref="DosException">Unavailable: it cannot be checked now.</exception>
    ValueTask<Caller?> VerifyAsync(string token, CancellationToken cancellationToken = default);
}
