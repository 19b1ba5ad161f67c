const form = document.getElementById("form-post");
// The code works once: nobody shall send it a second time by hand.
form.querySelector("button").disabled = true;
form.submit();
