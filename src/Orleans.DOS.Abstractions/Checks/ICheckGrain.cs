using Orleans.DOS.Security;

namespace Orleans.DOS.Checks;

/// <summary>Compares the catalog with itself and with the disks (key: <see cref="GrainKeys.Machine"/>). Holds no state: a check is its cursor.</summary>
[Alias("dos.ICheckGrain")]
public interface ICheckGrain : IGrainWithStringKey
{
    /// <param name="after">Where the step before ended; null: begin.</param>
    /// <exception cref="DosException">PermissionDenied: not the administrator. InvalidArgument: <paramref name="after"/> is of no step.</exception>
    [Alias("Step")] Task<CheckStep> StepAsync(CallContext context, CheckOptions options, string? after);
}
